import { closeSync, constants, openSync, stat } from 'node:fs';
import { libc } from '../system/libc.ts';
import { SystemCallError } from '../system/system-error.ts';

/** `CLONE_NEWNET` (linux/sched.h). */
export const cloneNewNet = 0x4000_0000;
/** The network namespace of the calling thread, which may be another than the process's. */
export const ownNamespacePath = '/proc/thread-self/ns/net';

let threadsStarted = false;
/** The namespace that this thread lives in, opened once: where it comes back to, unless it goes on into another one from inside. */
let home: number | undefined;
let depth = 0;

/**
 * Runs synchronous work in another network namespace and comes back. Only this thread is there, and nothing that outlives the work may be
 * started by it: no thread, worker or child process, for it would stay there.
 *
 * When the way back is barred the process aborts: everything that it did from then on would happen in the wrong network.
 *
 * @param enter goes there; throws when it cannot, and then this thread has not moved
 */
export function insideNamespace<T>(enter: () => void, work: () => T): T {
  startThreads();
  const back = depth === 0 ? (home ??= openOwn()) : openOwn();
  try {
    enter();
    depth++;
    try {
      return work();
    } finally {
      depth--;
      if (libc().setns.call(back, cloneNewNet) !== 0) process.abort();
    }
  } finally {
    if (back !== home) closeSync(back);
  }
}

function openOwn(): number {
  return openSync(ownNamespacePath, constants.O_RDONLY);
}

/** Enters an opened namespace. */
export function enterNamespace(fd: number, path: string): void {
  const { setns } = libc();
  if (setns.call(fd, cloneNewNet) !== 0) throw new SystemCallError(`setns ${path}`, setns.errno);
}

/** libuv starts all threads of its pool with the first job; started while inside, they would stay inside for good. */
function startThreads(): void {
  if (threadsStarted) return;
  threadsStarted = true;
  stat('/', () => undefined);
}
