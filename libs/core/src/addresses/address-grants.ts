import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { describeError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import { removeUnfinished, replaceFile } from './replace-file.ts';

/** How many addresses of a range that nobody holds are remembered, those given last; what is behind needs none. */
const remembered = 512;

const grantsSchema = z.strictObject({
  version: z.literal(1),
  /** By range: addresses and for whom, in the order in which they were given. */
  ranges: z.record(z.string(), z.array(z.tuple([z.string(), z.string()]))),
});

/** An address and for whom it was given last: claim UID, request and share. */
export interface AddressGrant {
  readonly address: string;
  readonly holder: string;
}

/**
 * Remembers which address was given to whom last, beside the journal. Who holds an address is the journal's to say; this says what comes
 * next, gives a claim that is prepared again after a crash the address that it had, and tells which addresses are in the hands of claims
 * whose record cannot be read.
 */
export class AddressGrants {
  readonly #path: string;
  readonly #claimsDirectory: string;
  readonly #logger: Logger;

  /**
   * @param path of the file; its directory is made when missing
   * @param claimsDirectory the journal's
   */
  constructor(path: string, claimsDirectory: string, logger: Logger) {
    this.#path = path;
    this.#claimsDirectory = claimsDirectory;
    this.#logger = logger;
  }

  /** The grants of a range, the last one last. Read anew each time: another instance may have written. */
  of(range: string): readonly AddressGrant[] {
    return (this.#read()[range] ?? []).map(([address, holder]) => ({ address, holder }));
  }

  /**
   * Writes that addresses are given.
   *
   * @param isHeld whether a claim holds the address; what is neither held nor recent is forgotten
   * @throws Error of the file system
   */
  add(
    given: readonly (AddressGrant & { readonly range: string })[],
    isHeld: (address: string) => boolean,
  ): void {
    const ranges = { ...this.#read() };
    for (const { range, address, holder } of given) {
      const others = (ranges[range] ?? []).filter(([other]) => other !== address);
      const old = others.length - remembered;
      ranges[range] = [
        ...others.filter(([other], index) => index >= old || isHeld(other)),
        [address, holder],
      ];
    }
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    replaceFile(this.#path, JSON.stringify({ version: 1, ranges }));
  }

  /** Removes what a write has left that was cut off. Only while no other instance prepares. */
  recover(): void {
    removeUnfinished(this.#path);
  }

  /**
   * Claims that have a file in the journal, readable or set aside, by UID. A grant for a claim that is among these and not in the ledger is
   * in hands that cannot be asked.
   */
  recordFiles(): ReadonlyMap<string, string> {
    const files = new Map<string, string>();
    for (const directory of [join(this.#claimsDirectory, 'unreadable'), this.#claimsDirectory]) {
      for (const name of list(directory)) {
        const uid = /^(?:\d{13}-)?(.+)\.json$/.exec(name)?.[1];
        if (uid !== undefined) files.set(uid, join(directory, name));
      }
    }
    return files;
  }

  #read(): z.output<typeof grantsSchema>['ranges'] {
    let text: string;
    try {
      text = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
      throw error;
    }
    try {
      return grantsSchema.parse(JSON.parse(text)).ranges;
    } catch (error) {
      const movedTo = `${this.#path}.unreadable-${Date.now()}`;
      renameSync(this.#path, movedTo);
      this.#logger.error(
        { file: this.#path, movedTo, error: describeError(error) },
        'the record of given addresses is unreadable and was set aside; addresses of claims whose journal record is unreadable as well may be given again',
      );
      return {};
    }
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
