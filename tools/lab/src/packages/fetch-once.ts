import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { withFileLock } from './file-lock.ts';

/** Something that is fetched into a directory of its own. */
export interface Fetch<T> {
  /** What is fetched, in words. */
  readonly what: string;
  /** Where it lies once it is complete. */
  readonly directory: string;
  /** Opens a complete directory; undefined when it is missing, half-made or outdated. */
  open(directory: string): T | undefined;
  /** Fills a new directory. */
  make(directory: string): Promise<void>;
  /** Told what is going on. */
  progress(message: string): void;
}

/**
 * Fetches what is missing. Returns at once what was fetched before; concurrent calls, also of other processes, wait for each other. A
 * directory is never half-made: it is renamed to its place when complete.
 *
 * @throws what `make` throws; LabUnavailableError when the lock cannot be had
 */
export async function fetchOnce<T>(fetch: Fetch<T>): Promise<T> {
  const { what, directory, progress } = fetch;
  const ready = fetch.open(directory);
  if (ready !== undefined) return ready;
  mkdirSync(dirname(directory), { recursive: true });
  const work = async (): Promise<T> => {
    const meanwhile = fetch.open(directory);
    if (meanwhile !== undefined) return meanwhile;
    const fresh = `${directory}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    await fetch.make(fresh);
    rmSync(directory, { recursive: true, force: true });
    renameSync(fresh, directory);
    const made = fetch.open(directory);
    if (made === undefined) throw new Error(`${directory} is incomplete just after it was made`);
    return made;
  };
  return withFileLock(`${directory}.lock`, work, () => {
    progress(`another process is fetching ${what}; waiting for it`);
  });
}

/** What a failed program wrote, or the error's own message. */
export function wordsOf(error: unknown): string {
  const stderr: unknown = error instanceof Error && 'stderr' in error ? error.stderr : undefined;
  if (typeof stderr === 'string' && stderr.trim() !== '') return stderr.trim();
  return error instanceof Error ? error.message : String(error);
}
