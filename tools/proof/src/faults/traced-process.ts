import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { describeError } from '@patchbay/core';
import { loadForeignLibraries } from '@patchbay/ffi';
import { assertDone, processCalls } from './process-calls.ts';
import { showCallsToTracer } from './seccomp-filter.ts';
import { sideEffect } from './side-effect.ts';
import { harmlessCalls } from './system-calls.ts';

/** Where a process is killed: at its side effect of this number, counted from 0. */
export interface KillPoint {
  readonly effect: number;
  readonly when: 'before' | 'after';
}

/** How a forked process ended. */
export interface ProcessEnd {
  /** The side effects that it had from {@link ForkedProcess.arm} on, in words. */
  readonly effects: readonly string[];
  /** Whether it was killed at the point asked for. */
  readonly killed: boolean;
  /** What the work failed with; empty when it succeeded. */
  readonly problem: string;
}

/** `PTRACE_*` (linux/ptrace.h). */
const traceMe = 0n;
const carryOn = 7n;
const untilCallEnds = 24n;
const setOptions = 0x4200n;
const getCallInfo = 0x420en;
/** Options: a stop at the end of a call says so; threads are traced too; seccomp stops; who is traced ends with the tracer. */
const options = 0x1n | 0x8n | 0x80n | 0x10_0000n;
const seccompStop = 7;
/**
 * `ERESTARTNOINTR` (linux/errno.h), which only a tracer sees: the kernel begins the call anew, because it could not get a lock just then. Writing
 * a setting of forwarding does so while somebody else changes links, again and again.
 */
const begunAnew = -513n;
/** SIGTRAP with the bit that `PTRACE_O_TRACESYSGOOD` adds. */
const callEnded = 5 | 0x80;
/** How long a copy may take, in seconds. */
const patienceSeconds = 60;
/** `__WALL` (linux/wait.h): threads too. */
const anyChild = 0x4000_0000;

const sigkill = 9;
const sigstop = 19;
const sigtrap = 5;

/** The side of the forked process. */
export interface ForkedProcess {
  /** From here on side effects count. */
  arm(): void;
}

/**
 * Runs work in a copy of this process, made by fork(2), and kills it at one of its side effects: before the kernel carries out the system
 * call, or after. Seen are all threads and all system calls, so that no code has to know of it. The copy ends by SIGKILL in any case: nothing
 * is put in order. This process waits meanwhile, also its event loop.
 *
 * Only in a process whose V8 has no threads (`--single-threaded`) and whose memory is all copied, see {@link makeForkable}. In the
 * copy `process.pid` is the original's.
 *
 * @param root paths of side effects are told relative to it
 */
export async function runForked(
  work: (self: ForkedProcess) => Promise<void>,
  root: string,
  killAt?: KillPoint,
): Promise<ProcessEnd> {
  await idle();
  const { fork } = processCalls();
  const [reading, writing] = openPipe();
  const pid = fork.call();
  assertDone('fork', pid, fork);
  if (pid === 0) {
    beTraced();
    const self = { arm: () => showCallsToTracer(harmlessCalls) };
    await work(self).then(
      () => end(writing, ''),
      (error: unknown) => end(writing, describeError(error)),
    );
  }
  closeSync(writing);
  try {
    const { signal, ...seen } = follow(pid, root, killAt);
    if (!seen.killed && signal !== sigkill) return { ...seen, problem: `it ended by signal ${signal}` };
    return { ...seen, problem: seen.killed ? '' : readFileSync(reading, 'utf8') };
  } finally {
    closeSync(reading);
  }
}

/** Ends the copy. What it was told to say is short enough for a pipe. */
function end(pipe: number, problem: string): void {
  const { kill, getpid } = processCalls();
  if (problem !== '') writeSync(pipe, problem.slice(0, 16_000));
  kill.call(getpid.call(), sigkill);
}

function openPipe(): readonly [reading: number, writing: number] {
  const { pipe } = processCalls();
  const ends = Buffer.alloc(8);
  assertDone('making a pipe', pipe.call(ends), pipe);
  return [ends.readInt32LE(0), ends.readInt32LE(4)];
}

/**
 * Lets what this process has asked its threads for come back: both processes have the same descriptors by which threads wake the event loop,
 * and what is under way would wake the copy's.
 */
async function idle(): Promise<void> {
  await stat('/');
  await new Promise((resolve) => setImmediate(resolve));
}

function beTraced(): void {
  const { ptrace, kill, getpid, alarm } = processCalls();
  // Ends by SIGALRM should it hang; it is the tracer that would wait.
  alarm.call(patienceSeconds);
  ptrace.call(traceMe, 0n, 0n, 0n);
  kill.call(getpid.call(), sigstop);
}

function follow(
  pid: number,
  root: string,
  killAt: KillPoint | undefined,
): Omit<ProcessEnd, 'problem'> & { readonly signal: number } {
  const { ptrace, kill } = processCalls();
  const command = (request: bigint, thread: number, data: bigint) =>
    ptrace.call(request, BigInt(thread), 0n, data);
  const effects: string[] = [];
  let killed = false;
  /** Threads within a call that is a side effect, with its number. */
  const inEffect = new Map<number, number>();
  const endIt = () => {
    killed = true;
    kill.call(pid, sigkill);
  };
  nextStop();
  assertDone('tracing', command(setOptions, pid, options), ptrace);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  command(carryOn, pid, 0n);
  try {
    for (;;) {
      const { thread, stopped, signal, event } = nextStop();
      if (!stopped) {
        if (thread !== pid) continue;
        return { effects, killed, signal };
      }
      if (killed) continue;
      let go = carryOn;
      let deliver = 0n;
      if (event === seccompStop) {
        if (!inEffect.has(thread)) {
          const effect = sideEffect({ pid, memory, ...pendingCall(thread) }, root);
          if (effect !== undefined) {
            if (killAt?.effect === effects.length && killAt.when === 'before') {
              endIt();
              continue;
            }
            inEffect.set(thread, effects.length);
            effects.push(effect);
          }
        }
        if (inEffect.has(thread)) go = untilCallEnds;
      } else if (signal === callEnded) {
        if (callResult(thread) !== begunAnew) {
          const ended = inEffect.get(thread);
          inEffect.delete(thread);
          if (killAt?.effect === ended) {
            endIt();
            continue;
          }
        }
      } else if (event === 0 && signal !== sigstop && signal !== sigtrap) {
        deliver = BigInt(signal);
      }
      command(go, thread, deliver);
    }
  } finally {
    closeSync(memory);
  }
}

const status = Buffer.alloc(4);
/** `struct ptrace_syscall_info` (linux/ptrace.h): of a seccomp stop the call's number at 24, six parameters from 32 on; of a call's end its result at 24. */
const information = Buffer.alloc(88);

function readCall(thread: number): void {
  const { ptrace } = processCalls();
  const size = BigInt(information.length);
  assertDone(
    'reading a system call',
    ptrace.call(getCallInfo, BigInt(thread), size, loadForeignLibraries().addressOf(information)),
    ptrace,
  );
}

function pendingCall(thread: number): { readonly number: number; readonly parameters: readonly bigint[] } {
  readCall(thread);
  return {
    number: Number(information.readBigUInt64LE(24)),
    parameters: [0, 1, 2, 3, 4, 5].map((index) => information.readBigUInt64LE(32 + 8 * index)),
  };
}

function callResult(thread: number): bigint {
  readCall(thread);
  return information.readBigInt64LE(24);
}

interface Stop {
  readonly thread: number;
  /** Whether it is only stopped; else it has ended. */
  readonly stopped: boolean;
  /** The signal that stopped or ended it. */
  readonly signal: number;
  /** `PTRACE_EVENT_*`, 0 for none. */
  readonly event: number;
}

function nextStop(): Stop {
  const { waitpid } = processCalls();
  const thread = waitpid.call(-1, status, anyChild);
  assertDone('waiting for a process', thread, waitpid);
  const word = status.readUInt32LE();
  const stopped = (word & 0xff) === 0x7f;
  return {
    thread,
    stopped,
    signal: stopped ? (word >> 8) & 0xff : word & 0x7f,
    event: word >> 16,
  };
}
