import { foreignLibraries } from '../system/foreign-libraries.ts';

/** Size of `struct sock_filter` and `struct sock_fprog` (linux/filter.h) on 64-bit machines. */
const instructionSize = 8;
const programSize = 16;
/** `BPF_LD` and `BPF_LDX` with their modes and sizes, `BPF_JMP`, `BPF_MISC` and `BPF_RET` (linux/bpf_common.h, linux/filter.h). */
const codes = {
  loadByte: 0x30,
  loadWord: 0x20,
  loadHalfThere: 0x48,
  loadWordThere: 0x40,
  loadNumber: 0x00,
  loadNumberIntoIndex: 0x01,
  indexFromAccumulator: 0x07,
  jumpIfEqual: 0x15,
  jumpIfGreater: 0x25,
  return: 0x06,
} as const;
/** Loads from these offsets are searches (`SKF_AD_OFF + SKF_AD_NLATTR`, linux/filter.h); the second looks into the attribute at the accumulator. */
const searches = { attribute: 0xffff_f000 + 12, nestedAttribute: 0xffff_f000 + 16 } as const;
const wholeDatagram = 0xffff_ffff;
/** How far a jump can lead, in instructions. */
const longestJump = 255;

/**
 * One step of a filter. Offsets are into the datagram, in bytes; steps work on one number. Half words and words are taken as the bytes come,
 * the first one being the highest, also where the kernel writes them otherwise ({@link hostOrder}). A load beyond the end drops the datagram.
 */
export type FilterStep =
  | { readonly loadByte: number }
  | { readonly loadWord: number }
  /** The number becomes the offset of the first attribute of that type, of those that begin at `from`; 0 when there is none. */
  | { readonly findAttribute: number; readonly from: number }
  /** The same among those within the attribute that was found. */
  | { readonly findWithin: number }
  /** Loads are from there on relative to what was found, if they are `There`. */
  | { readonly goThere: true }
  | { readonly loadHalfThere: number }
  | { readonly loadWordThere: number }
  /** Goes on at a label when the number is so, else with the next step. */
  | { readonly equals: number; readonly go: string }
  | { readonly greaterThan: number; readonly go: string }
  | { readonly label: string }
  | { readonly keep: boolean };

/** What a filter reads when the kernel writes a 16- or 32-bit number in the machine's order, which here is little-endian. */
export const hostOrder = {
  half: (value: number): number => ((value & 0xff) << 8) | ((value >>> 8) & 0xff),
  word: (value: number): number => {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeInt32LE(value | 0);
    return bytes.readUInt32BE();
  },
} as const;

/**
 * What the kernel runs on each datagram before a socket gets it (classic BPF, `SO_ATTACH_FILTER`): what is not kept costs this process
 * nothing. Lives as long as it is referenced; the kernel copies it when it is attached.
 */
export class SocketFilter {
  /** `struct sock_fprog`, which points at the steps. */
  readonly program = Buffer.alloc(programSize);
  readonly #instructions: Buffer;

  /** @throws RangeError when a label is missing, lies before the jump, or further away than the kernel lets one jump */
  constructor(steps: readonly FilterStep[]) {
    const instructions = assemble(steps);
    this.#instructions = Buffer.allocUnsafeSlow(instructions.length * instructionSize);
    for (const [index, { code, value, then }] of instructions.entries()) {
      const start = index * instructionSize;
      this.#instructions.writeUInt16LE(code, start);
      this.#instructions.writeUInt8(then, start + 2);
      this.#instructions.writeUInt8(0, start + 3);
      this.#instructions.writeUInt32LE(value, start + 4);
    }
    this.program.writeUInt16LE(instructions.length, 0);
    this.program.writeBigUInt64LE(foreignLibraries().addressOf(this.#instructions), 8);
  }
}

interface Instruction {
  readonly code: number;
  readonly value: number;
  /** How many instructions are skipped when a condition is met. */
  readonly then: number;
}

interface UnplacedInstruction {
  readonly code: number;
  readonly value: number;
  readonly go?: string;
}

function assemble(steps: readonly FilterStep[]): Instruction[] {
  const labels = new Map<string, number>();
  const unplaced: UnplacedInstruction[] = [];
  for (const step of steps) {
    if ('label' in step) labels.set(step.label, unplaced.length);
    else unplaced.push(...instructionsOf(step));
  }
  return unplaced.map(({ code, value, go }, index) => {
    const then = go === undefined ? 0 : (labels.get(go) ?? NaN) - index - 1;
    if (!(then >= 0 && then <= longestJump))
      throw new RangeError(`a filter cannot jump ${then} instructions to '${go}'`);
    return { code, value, then };
  });
}

function instructionsOf(step: Exclude<FilterStep, { readonly label: string }>): UnplacedInstruction[] {
  if ('loadByte' in step) return [{ code: codes.loadByte, value: step.loadByte }];
  if ('loadWord' in step) return [{ code: codes.loadWord, value: step.loadWord }];
  if ('findAttribute' in step) {
    return [
      { code: codes.loadNumber, value: step.from },
      { code: codes.loadNumberIntoIndex, value: step.findAttribute },
      { code: codes.loadWord, value: searches.attribute },
    ];
  }
  if ('findWithin' in step) {
    return [
      { code: codes.loadNumberIntoIndex, value: step.findWithin },
      { code: codes.loadWord, value: searches.nestedAttribute },
    ];
  }
  if ('goThere' in step) return [{ code: codes.indexFromAccumulator, value: 0 }];
  if ('loadHalfThere' in step) return [{ code: codes.loadHalfThere, value: step.loadHalfThere }];
  if ('loadWordThere' in step) return [{ code: codes.loadWordThere, value: step.loadWordThere }];
  if ('equals' in step) return [{ code: codes.jumpIfEqual, value: step.equals, go: step.go }];
  if ('greaterThan' in step) return [{ code: codes.jumpIfGreater, value: step.greaterThan, go: step.go }];
  return [{ code: codes.return, value: step.keep ? wholeDatagram : 0 }];
}
