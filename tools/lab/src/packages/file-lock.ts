import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { LabUnavailableError } from '../lab-unavailable-error.ts';

/**
 * Runs work while holding an exclusive lock on a file, across processes. The lock is flock(2)'s, held by a child of flock(1) that ends
 * with its standard input: a killed holder therefore never leaves it locked, which a lock file of our own would.
 *
 * @param onWait called once when another process holds the lock
 * @throws LabUnavailableError when the file cannot be locked
 */
export async function withFileLock<T>(path: string, work: () => Promise<T>, onWait?: () => void): Promise<T> {
  const holder = spawn('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve, reject) => {
    holder.once('error', reject);
    holder.once('exit', () => {
      resolve();
    });
  });
  const waiting = setTimeout(() => onWait?.(), 500);
  try {
    const locked = await Promise.race([
      once(holder.stdout, 'data').then(() => true),
      ended.then(() => false),
    ]);
    if (!locked) throw new Error('flock exited without the lock');
  } catch (error) {
    throw new LabUnavailableError(
      `cannot lock ${path}: ${String(error)}`,
      'install util-linux (flock) and make the folder writable',
      { cause: error },
    );
  } finally {
    clearTimeout(waiting);
  }
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
