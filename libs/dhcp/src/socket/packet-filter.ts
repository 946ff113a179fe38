/** One instruction of the classic BPF machine (`struct sock_filter`, linux/filter.h). */
interface Instruction {
  readonly code: number;
  readonly jumpTrue?: number;
  readonly jumpFalse?: number;
  readonly operand: number;
}

// Operations (linux/bpf_common.h): class, size and mode or-ed.
const loadByte = 0x30;
const loadHalf = 0x28;
const loadWord = 0x20;
const loadHalfIndirect = 0x48;
const loadHeaderLength = 0xb1;
const jumpIfEqual = 0x15;
const jumpIfAnyBit = 0x45;
const answer = 0x06;

const take = { code: answer, operand: 0xffff };
const drop = { code: answer, operand: 0 };
const udp = 17;

/** Takes unfragmented UDP over IPv4 to a port; offsets are from the IP header on. */
export function udpv4Filter(port: number): Buffer {
  return assemble([
    { code: loadByte, operand: 9 },
    { code: jumpIfEqual, operand: udp, jumpFalse: 6 },
    { code: loadHalf, operand: 6 },
    { code: jumpIfAnyBit, operand: 0x3fff, jumpTrue: 4 },
    { code: loadHeaderLength, operand: 0 },
    { code: loadHalfIndirect, operand: 2 },
    { code: jumpIfEqual, operand: port, jumpFalse: 1 },
    take,
    drop,
  ]);
}

/** Takes UDP over IPv6, without extension headers, to a port; offsets are from the IP header on. */
export function udpv6Filter(port: number): Buffer {
  return assemble([
    { code: loadByte, operand: 6 },
    { code: jumpIfEqual, operand: udp, jumpFalse: 3 },
    { code: loadHalf, operand: 42 },
    { code: jumpIfEqual, operand: port, jumpFalse: 1 },
    take,
    drop,
  ]);
}

/** Takes ARP packets whose sender says that it has an address (offset 14, RFC 826). */
export function arpSenderFilter(address: Uint8Array): Buffer {
  return assemble([
    { code: loadWord, operand: 14 },
    { code: jumpIfEqual, operand: Buffer.from(address).readUInt32BE(0), jumpFalse: 1 },
    take,
    drop,
  ]);
}

function assemble(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, jumpTrue = 0, jumpFalse = 0, operand }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jumpTrue, index * 8 + 2);
    bytes.writeUInt8(jumpFalse, index * 8 + 3);
    bytes.writeUInt32LE(operand, index * 8 + 4);
  });
  return bytes;
}
