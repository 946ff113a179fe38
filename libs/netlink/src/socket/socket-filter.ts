import { foreignLibraries } from '../system/foreign-libraries.ts';

/** Size of `struct sock_filter` and `struct sock_fprog` (linux/filter.h) on 64-bit machines. */
const instructionSize = 8;
const programSize = 16;
/** `BPF_LD | BPF_B | BPF_ABS`, `BPF_JMP | BPF_JEQ | BPF_K`, `BPF_JMP | BPF_JGT | BPF_K` and `BPF_RET | BPF_K` (linux/bpf_common.h). */
const codes = { loadByte: 0x30, jumpIfEqual: 0x15, jumpIfGreater: 0x25, return: 0x06 } as const;
const wholeDatagram = 0xffff_ffff;

/** One step of a filter. Jumps skip as many of the following steps as they say, `then` when the byte is so and `otherwise` when it is not. */
export type FilterStep =
  | { readonly loadByte: number }
  | { readonly equals: number; readonly then: number; readonly otherwise: number }
  | { readonly greaterThan: number; readonly then: number; readonly otherwise: number }
  | { readonly keep: boolean };

/**
 * What the kernel runs on each datagram before a socket gets it (classic BPF, `SO_ATTACH_FILTER`): what is not kept costs this process
 * nothing. Lives as long as it is referenced; the kernel copies it when it is attached.
 */
export class SocketFilter {
  /** `struct sock_fprog`, which points at the steps. */
  readonly program = Buffer.alloc(programSize);
  readonly #steps: Buffer;

  constructor(steps: readonly FilterStep[]) {
    this.#steps = Buffer.allocUnsafeSlow(steps.length * instructionSize);
    for (const [index, step] of steps.entries()) writeStep(this.#steps, index * instructionSize, step);
    this.program.writeUInt16LE(steps.length, 0);
    this.program.writeBigUInt64LE(foreignLibraries().addressOf(this.#steps), 8);
  }
}

function writeStep(bytes: Buffer, start: number, step: FilterStep): void {
  const write = (code: number, value: number, then = 0, otherwise = 0) => {
    bytes.writeUInt16LE(code, start);
    bytes.writeUInt8(then, start + 2);
    bytes.writeUInt8(otherwise, start + 3);
    bytes.writeUInt32LE(value, start + 4);
  };
  if ('loadByte' in step) write(codes.loadByte, step.loadByte);
  else if ('equals' in step) write(codes.jumpIfEqual, step.equals, step.then, step.otherwise);
  else if ('greaterThan' in step) write(codes.jumpIfGreater, step.greaterThan, step.then, step.otherwise);
  else write(codes.return, step.keep ? wholeDatagram : 0);
}
