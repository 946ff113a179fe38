import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Marks of instances that were killed go after so long, in milliseconds; a mark is asked for only while its instance starts. */
const longestStart = 3_600_000;

/** Where an instance's mark is. */
export function readyMarkPath(stateDirectory: string, podUID: string): string {
  return join(stateDirectory, 'ready', podUID === '' ? 'driver' : podUID);
}

/**
 * A file that is there while this instance of the driver is ready. The port of the metrics cannot say that: during a rolling update two
 * instances share it, and the older one answers.
 */
export class ReadyMark {
  readonly #path: string;

  /**
   * Takes away what an earlier life of the instance has left.
   *
   * @param podUID of the pod that the instance runs in; empty outside of pods
   */
  constructor(stateDirectory: string, podUID: string) {
    this.#path = readyMarkPath(stateDirectory, podUID);
    const directory = join(stateDirectory, 'ready');
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(directory)) {
      const { mtimeMs = 0 } = statSync(join(directory, name), { throwIfNoEntry: false }) ?? {};
      if (Date.now() - mtimeMs > longestStart) rmSync(join(directory, name), { force: true });
    }
    this.set(false);
  }

  /** Repeatable. */
  set(ready: boolean): void {
    if (ready) writeFileSync(this.#path, '', { mode: 0o600 });
    else rmSync(this.#path, { force: true });
  }
}
