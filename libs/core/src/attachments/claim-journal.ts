import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  type Stats,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describeError, JournalWriteError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import { type ClaimRecord, claimRecordSchema } from './claim-record.ts';
import { soleInstance, type StateLocks } from './state-locks.ts';

const suffix = '.json';
/** `TMPFS_MAGIC` (linux/magic.h). */
const tmpfs = 0x0102_1994;
/** Of the counter's eight, those that are used: as many as an exact number has room for. */
const counterBytes = 6;

/**
 * The driver's memory across crashes: one file per claim, named by its UID. A file is written under a temporary name, synced and renamed,
 * so that a reader finds the old record or the new one and never a half.
 *
 * Several instances may share the directory. Beside it lies a counter of writes, by which one sees for the price of reading eight bytes
 * whether another one has written. All is synchronous: on a tmpfs nothing waits for a disk, and a write costs less than a trip to the
 * thread pool; it is in the runtime's hook.
 */
export class ClaimJournal {
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #locks: StateLocks;
  readonly #counter = Buffer.alloc(8);
  #counterFile: number | undefined;
  /** The counter as of this instance's last look at the records. */
  #seen = -1;
  #isOnDisk = true;
  /** What was read last under each file name, with what tells that file from one that replaces it. */
  readonly #known = new Map<string, { readonly fingerprint: string; readonly record: ClaimRecord }>();

  readonly #devicesText = new WeakMap<ClaimRecord['devices'], string>();
  #foreign: ReadonlySet<string> = new Set();

  /**
   * @param directory made when missing; best on a tmpfs such as /run, because no record outlives the boot that made it
   * @param locks shared by all instances that use the directory
   */
  constructor(directory: string, logger: Logger, locks: StateLocks = soleInstance) {
    this.#directory = directory;
    this.#logger = logger;
    this.#locks = locks;
  }

  /**
   * Reads all records. A file that cannot be read as one is moved to `unreadable/` beside the others and reported; it never blocks them.
   */
  load(): ClaimRecord[] {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    return this.#locks.exclusively(() => {
      this.#seen = this.#writes();
      // None is under way now.
      for (const name of this.#unfinished()) rmSync(join(this.#directory, name), { force: true });
      return this.#read((path, error) => this.#setAside(path, error));
    });
  }

  /**
   * The records as they are now, if another instance has written since this one last read or wrote. Only files that it has written are read.
   *
   * @returns undefined when nobody has
   */
  changedByOthers(): ClaimRecord[] | undefined {
    if (this.#writes() === this.#seen) return undefined;
    return this.#locks.exclusively(() => {
      this.#seen = this.#writes();
      const foreign = new Set<string>();
      // What this version cannot read may be a newer one's, whose instance is at work beside this one.
      const records = this.#read((path, error) => {
        foreign.add(basename(path, suffix));
        this.#logger.warn({ file: path, error: describeError(error) }, 'leaving a journal record to others');
      });
      this.#foreign = foreign;
      return records;
    });
  }

  /** UIDs of claims whose records only another instance can read. */
  get foreign(): ReadonlySet<string> {
    return this.#foreign;
  }

  /**
   * Makes a record durable, in place of the claim's earlier one.
   *
   * @throws JournalWriteError when the file system refuses; the earlier record is then still there
   */
  write(record: ClaimRecord): void {
    const path = this.#path(record.claim.uid);
    const text = this.#textOf(record);
    try {
      this.#change(() => {
        // Read when another instance has written too, which is seldom, instead of looked at after each write.
        this.#known.delete(basename(path));
        replace(path, `${path}.tmp`, text, this.#isOnDisk);
      });
    } catch (error) {
      throw new JournalWriteError(path, error);
    }
  }

  /** Devices are most of a record, and the same from one to the next: only what changes is made text in the runtime's hook. */
  #textOf({ devices, ...rest }: ClaimRecord): string {
    let text = this.#devicesText.get(devices);
    if (text === undefined) this.#devicesText.set(devices, (text = JSON.stringify(devices)));
    return `${JSON.stringify(rest).slice(0, -1)},"devices":${text}}`;
  }

  /** Forgets a claim. Succeeds when nothing is known of it. */
  remove(claimUID: string): void {
    const path = this.#path(claimUID);
    this.#change(() => {
      rmSync(path, { force: true });
      this.#known.delete(basename(path));
    });
  }

  /** Names of the files of writes that were cut off. None is under way while this is asked. */
  unfinishedWrites(): readonly string[] {
    if (!existsSync(this.#directory)) return [];
    return this.#locks.exclusively(() => this.#unfinished());
  }

  /** Removes the file of a write that was cut off. Repeatable. */
  removeUnfinishedWrite(name: string): void {
    this.#locks.exclusively(() => {
      if (this.#unfinished().includes(name)) rmSync(join(this.#directory, name), { force: true });
    });
  }

  #unfinished(): string[] {
    return this.#files().filter((name) => !name.endsWith(suffix));
  }

  #change(work: () => void): void {
    this.#locks.exclusively(() => {
      const before = this.#writes();
      // Counted first: an instance that dies in between has others look for nothing, instead of never.
      this.#counter.writeUIntLE(before + 1, 0, counterBytes);
      writeSync(this.#open(), this.#counter, 0, this.#counter.length, 0);
      if (before === this.#seen) this.#seen = before + 1;
      work();
    });
  }

  /** How often anything was written in this boot, by whomever. */
  #writes(): number {
    this.#counter.fill(0);
    readSync(this.#open(), this.#counter, 0, this.#counter.length, 0);
    return this.#counter.readUIntLE(0, counterBytes);
  }

  #open(): number {
    if (this.#counterFile === undefined) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      // Neither truncated nor replaced: every instance has the same file open.
      closeSync(openSync(`${this.#directory}.writes`, 'a', 0o600));
      this.#counterFile = openSync(`${this.#directory}.writes`, 'r+');
      this.#isOnDisk = statfsSync(this.#directory).type !== tmpfs;
    }
    return this.#counterFile;
  }

  #read(onUnreadable: (path: string, error: unknown) => void): ClaimRecord[] {
    const records: ClaimRecord[] = [];
    const names = this.#files().filter((each) => each.endsWith(suffix));
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name);
    for (const name of names) {
      const path = join(this.#directory, name);
      try {
        records.push(this.#readRecord(name, path));
      } catch (error) {
        onUnreadable(path, error);
      }
    }
    return records;
  }

  #readRecord(name: string, path: string): ClaimRecord {
    const fingerprint = fingerprintOf(statSync(path));
    const known = this.#known.get(name);
    if (known?.fingerprint === fingerprint) return known.record;
    this.#known.delete(name);
    const record = claimRecordSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    if (`${record.claim.uid}${suffix}` !== name) throw new Error(`holds claim ${record.claim.uid}`);
    this.#known.set(name, { fingerprint, record });
    return record;
  }

  #files(): string[] {
    const entries = readdirSync(this.#directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  }

  #path(claimUID: string): string {
    return join(this.#directory, `${basename(claimUID)}${suffix}`);
  }

  #setAside(path: string, error: unknown): void {
    const aside = join(this.#directory, 'unreadable');
    mkdirSync(aside, { recursive: true, mode: 0o700 });
    const target = join(aside, `${Date.now()}-${basename(path)}`);
    renameSync(path, target);
    this.#logger.error(
      { file: path, movedTo: target, error: describeError(error) },
      'journal record is unreadable and was set aside; its devices need a look by hand',
    );
  }
}

function replace(path: string, temporary: string, text: string, synced: boolean): void {
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeWhole(file, text);
    if (synced) fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** In one call, unless the file system takes less at a time. */
function writeWhole(file: number, text: string): void {
  const written = writeSync(file, text);
  if (written === Buffer.byteLength(text)) return;
  const bytes = Buffer.from(text);
  for (let offset = written; offset < bytes.length;) offset += writeSync(file, bytes, offset);
}

/** Files are replaced and never changed in place, so a file that has another's number again was at least written at another time. */
function fingerprintOf({ ino, mtimeMs, size }: Stats): string {
  return `${ino}/${mtimeMs}/${size}`;
}
