import { loadForeignLibraries } from '@patchbay/ffi';
import { assertDone, processCalls } from './process-calls.ts';

/** Operations of the classic BPF machine that seccomp runs (linux/bpf_common.h): load a word, jump if equal, return. */
const loadWord = 0x20;
const jumpIfEqual = 0x15;
const giveBack = 0x06;
/** Offsets in `struct seccomp_data` (linux/seccomp.h): the call's number, and the lower half of its third argument. */
const callNumber = 0;
const thirdArgument = 32;
/** `SECCOMP_RET_*` (linux/seccomp.h): carried out, shown to the tracer first, or answered with an errno, of which 0 is success without effect. */
const allow = 0x7fff_0000;
const trace = 0x7ff0_0000;
const pretend = 0x0005_0000;

/** `SYS_seccomp` on x86-64, `SECCOMP_SET_MODE_FILTER`, and `SECCOMP_FILTER_FLAG_TSYNC`: for all threads of the process. */
const seccomp = 317n;
const setModeFilter = 1n;
const allThreads = 1n;
/** `SYS_madvise` on x86-64, and `MADV_DONTFORK` (asm-generic/mman-common.h). */
const madvise = 28;
const dontFork = 10;
/** `SYS_io_uring_setup`, and the errno of kernels that do not have it. */
const ioUringSetup = 425;
const enosys = 38;

type Instruction = readonly [code: number, ifTrue: number, ifFalse: number, value: number];

/**
 * Makes fork(2) possible for Node.js, in this process and all that it starts: V8 marks its heap as not to be copied (`MADV_DONTFORK`), and
 * libuv's io_uring would be shared by both processes.
 */
export function makeForkable(): void {
  install([
    [loadWord, 0, 0, callNumber],
    [jumpIfEqual, 0, 1, ioUringSetup],
    [giveBack, 0, 0, pretend | enosys],
    [jumpIfEqual, 0, 3, madvise],
    [loadWord, 0, 0, thirdArgument],
    [jumpIfEqual, 0, 1, dontFork],
    [giveBack, 0, 0, pretend],
    [giveBack, 0, 0, allow],
  ]);
}

/**
 * Has each system call of this process but the given ones stop it for its tracer.
 *
 * @param harmless numbers of calls, at most 250
 */
export function showCallsToTracer(harmless: readonly number[]): void {
  install([
    [loadWord, 0, 0, callNumber],
    ...harmless.map((number, index): Instruction => [jumpIfEqual, harmless.length - index, 0, number]),
    [giveBack, 0, 0, trace],
    [giveBack, 0, 0, allow],
  ]);
}

function install(program: readonly Instruction[]): void {
  const instructions = Buffer.alloc(program.length * 8);
  for (const [index, [code, ifTrue, ifFalse, value]] of program.entries()) {
    instructions.writeUInt16LE(code, index * 8);
    instructions.writeUInt8(ifTrue, index * 8 + 2);
    instructions.writeUInt8(ifFalse, index * 8 + 3);
    instructions.writeUInt32LE(value, index * 8 + 4);
  }
  const addressOf = (bytes: Uint8Array) => loadForeignLibraries().addressOf(bytes);
  // struct sock_fprog (linux/filter.h).
  const header = Buffer.alloc(16);
  header.writeUInt16LE(program.length, 0);
  header.writeBigUInt64LE(addressOf(instructions), 8);
  const { syscall } = processCalls();
  const result = syscall.call(seccomp, setModeFilter, allThreads, addressOf(header), 0n);
  assertDone('installing a seccomp filter', result, syscall);
}
