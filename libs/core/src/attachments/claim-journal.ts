import { closeSync, fsyncSync, openSync, renameSync, statfsSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeError, JournalWriteError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import { type ClaimRecord, claimRecordSchema } from './claim-record.ts';

const suffix = '.json';
/** `TMPFS_MAGIC` (linux/magic.h). */
const tmpfs = 0x0102_1994;

/**
 * The driver's memory across crashes: one file per claim, named by its UID. A file is written under a temporary name, synced and renamed,
 * so that a reader finds the old record or the new one and never a half.
 */
export class ClaimJournal {
  readonly #directory: string;
  readonly #logger: Logger;
  #inMemory = false;

  /** @param directory made when missing; best on a tmpfs such as /run, because no record outlives the boot that made it */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
  }

  /**
   * Reads all records. A file that cannot be read as one is moved to `unreadable/` beside the others and reported; it never blocks them.
   */
  async load(): Promise<ClaimRecord[]> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    this.#inMemory = statfsSync(this.#directory).type === tmpfs;
    const records: ClaimRecord[] = [];
    for (const entry of await readdir(this.#directory, { withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(this.#directory, entry.name);
      if (!entry.name.endsWith(suffix)) {
        await rm(path, { force: true });
        continue;
      }
      try {
        const record = claimRecordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
        if (`${record.claim.uid}${suffix}` !== entry.name) throw new Error(`holds claim ${record.claim.uid}`);
        records.push(record);
      } catch (error) {
        await this.#setAside(path, error);
      }
    }
    return records;
  }

  /**
   * Makes a record durable, in place of the claim's earlier one.
   *
   * @throws JournalWriteError when the file system refuses; the earlier record is then still there
   */
  async write(record: ClaimRecord): Promise<void> {
    const path = this.#path(record.claim.uid);
    const temporary = `${path}.tmp`;
    const text = JSON.stringify(record);
    try {
      // On a tmpfs nothing waits for a disk, and one write costs less than a trip to the thread pool: this is in the runtime's hook.
      if (this.#inMemory) replaceNow(path, temporary, text);
      else await replace(path, temporary, text);
    } catch (error) {
      throw new JournalWriteError(path, error);
    }
  }

  /** Forgets a claim. Succeeds when nothing is known of it. */
  async remove(claimUID: string): Promise<void> {
    await rm(this.#path(claimUID), { force: true });
  }

  #path(claimUID: string): string {
    return join(this.#directory, `${basename(claimUID)}${suffix}`);
  }

  async #setAside(path: string, error: unknown): Promise<void> {
    const aside = join(this.#directory, 'unreadable');
    await mkdir(aside, { recursive: true, mode: 0o700 });
    const target = join(aside, `${Date.now()}-${basename(path)}`);
    await rename(path, target);
    this.#logger.error(
      { file: path, movedTo: target, error: describeError(error) },
      'journal record is unreadable and was set aside; its devices need a look by hand',
    );
  }
}

async function replace(path: string, temporary: string, text: string): Promise<void> {
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

function replaceNow(path: string, temporary: string, text: string): void {
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}
