import type { NetworkNamespace } from '../namespace/network-namespace.ts';
import { bpf, bpfCommands } from '../bpf/bpf-syscall.ts';
import type { TcxDirection } from '../bpf/namespace-programs.ts';
import { linkAttributes, linkMessages, xdpAttributes } from '../route/link/link-attributes.ts';
import { writeLinkHeader } from '../route/link/link-requests.ts';
import type { RouteSocket } from '../route/route-socket.ts';
import { foreignLibraries } from '../system/foreign-libraries.ts';
import { filterParents } from '../tc/filter.ts';
import { filterMessages, trafficAttributes, trafficHeaderSize } from '../tc/filter-attributes.ts';
import { messageFlags } from '../wire/message-header.ts';

/** `BPF_PROG_TYPE_*`, and what lets a packet pass as an immediate operand: `TCX_NEXT`, which leaves it to others, and `XDP_PASS`. */
const programKinds = { tc: { type: 3, pass: -1 }, xdp: { type: 6, pass: 2 } } as const;
const license = Buffer.from('GPL\0');

/** Loads an eBPF program that lets all packets pass. Returns its descriptor, which is the caller's to close. */
export function loadProgram(kind: keyof typeof programKinds = 'tc'): number {
  const libraries = foreignLibraries();
  const { type, pass } = programKinds[kind];
  // `r0 = pass; exit`.
  const instructions = Buffer.from([0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
  instructions.writeInt32LE(pass, 4);
  const attributes = Buffer.alloc(72);
  attributes.writeUInt32LE(type, 0);
  attributes.writeUInt32LE(instructions.length / 8, 4);
  attributes.writeBigUInt64LE(libraries.addressOf(instructions), 8);
  attributes.writeBigUInt64LE(libraries.addressOf(license), 16);
  attributes.write('pass', 48);
  return bpf('loading a program', bpfCommands.programLoad, attributes);
}

/** `XDP_FLAGS_*_MODE`. */
const xdpModes = { generic: 2, driver: 4 } as const;

/** Has a program see a link's packets before anything else does. */
export function attachXdp(
  socket: RouteSocket,
  linkIndex: number,
  program: number,
  mode: keyof typeof xdpModes,
): void {
  socket.execute({
    operation: 'link set xdp',
    type: linkMessages.new,
    flags: 0,
    write(writer) {
      writeLinkHeader(writer, linkIndex);
      const xdp = writer.beginNest(linkAttributes.xdp);
      writer.int32(xdpAttributes.fd, program, 'fd');
      writer.uint32(xdpAttributes.flags, xdpModes[mode], 'flags');
      writer.endNest(xdp);
    },
  });
}

/** `BPF_TCX_INGRESS`, `BPF_TCX_EGRESS`. */
const attachTypes = { ingress: 46, egress: 47 } as const;

/** Attaches a program to a link. Returns the descriptor of the `bpf_link` if there is one. */
export function attachTcx(
  namespace: NetworkNamespace,
  linkIndex: number,
  program: number,
  direction: TcxDirection,
  how: 'byLink' | 'directly' = 'directly',
): number | undefined {
  const attributes = Buffer.alloc(how === 'byLink' ? 32 : 12);
  const [target, first] = how === 'byLink' ? [4, 0] : [0, 4];
  attributes.writeUInt32LE(linkIndex, target);
  attributes.writeInt32LE(program, first);
  attributes.writeUInt32LE(attachTypes[direction], 8);
  return namespace.run(() => {
    if (how === 'byLink') return bpf('attaching a program', bpfCommands.linkCreate, attributes);
    bpf('attaching a program', bpfCommands.programAttach, attributes);
    return undefined;
  });
}

/** `TC_H_CLSACT` and the handle that goes with it; `RTM_NEWQDISC`. */
const clsact = { parent: 0xffff_fff1, handle: 0xffff_0000, newQdisc: 36 } as const;
/** `TCA_BPF_*`. */
const bpfOptions = { fd: 6, name: 7, flags: 8, directAction: 1 } as const;

/** Hangs a program on a link's clsact qdisc, which is made when there is none, with priority 7. */
export function addFilter(
  socket: RouteSocket,
  linkIndex: number,
  program: number,
  parent: 'ingress' | 'egress',
): void {
  socket.execute(
    {
      operation: 'qdisc replace',
      type: clsact.newQdisc,
      flags: messageFlags.create,
      write(writer) {
        const start = writer.header(trafficHeaderSize);
        writer.setUint32(start + 4, linkIndex, 'linkIndex');
        writer.setUint32(start + 8, clsact.handle, 'handle');
        writer.setUint32(start + 12, clsact.parent, 'parent');
        writer.string(trafficAttributes.kind, 'clsact', 15, 'kind');
      },
    },
    {
      operation: 'filter add',
      type: filterMessages.new,
      flags: messageFlags.create | messageFlags.exclusive,
      write(writer) {
        const start = writer.header(trafficHeaderSize);
        writer.setUint32(start + 4, linkIndex, 'linkIndex');
        writer.setUint32(start + 12, filterParents[parent], 'parent');
        // ETH_P_ALL in network byte order, and the priority.
        writer.setUint16(start + 16, 0x0300, 'protocol');
        writer.setUint16(start + 18, 7, 'priority');
        writer.string(trafficAttributes.kind, 'bpf', 15, 'kind');
        const options = writer.beginNest(trafficAttributes.options);
        writer.uint32(bpfOptions.fd, program, 'fd');
        writer.string(bpfOptions.name, 'pass', 63, 'name');
        writer.uint32(bpfOptions.flags, bpfOptions.directAction, 'flags');
        writer.endNest(options);
      },
    },
  );
}
