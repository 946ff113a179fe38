import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readFile, readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { CdiContainerEdits, CdiDevice } from './cdi-spec.ts';

/** Where the specifications go and what they are called. */
export interface CdiSpecStoreOptions {
  /** One of the runtime's CDI directories, usually `/var/run/cdi`: emptied by a reboot, so specs must be written again then. */
  readonly directory: string;
  /** A domain name, usually the driver's. */
  readonly vendor: string;
  /** What the devices are, such as `claim`: letters, digits, `_` and `-`, beginning with a letter or digit. */
  readonly class: string;
}

/** First version that knows everything that `CdiContainerEdits` can say. */
const cdiVersion = '0.6.0';
const vendorPattern = /^[A-Za-z]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;
const classPattern = /^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?$/;
const namePattern = /^[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/**
 * One CDI specification file per id (usually a claim UID), read by the container runtime.
 *
 * Files appear and vanish as a whole: runtimes read the directory at any time, and one unreadable file there makes them complain about
 * every container.
 */
export class CdiSpecStore {
  readonly #directory: string;
  readonly #kind: string;
  readonly #prefix: string;

  /** @throws RangeError for a vendor or class that the CDI specification does not allow. */
  constructor(options: CdiSpecStoreOptions) {
    if (!vendorPattern.test(options.vendor)) {
      throw new RangeError(`CDI vendor '${options.vendor}' is not a domain name`);
    }
    if (!classPattern.test(options.class)) {
      throw new RangeError(`CDI class '${options.class}' may only have letters, digits, '_' and '-'`);
    }
    this.#directory = options.directory;
    this.#kind = `${options.vendor}/${options.class}`;
    this.#prefix = `${options.vendor}-${options.class}_`;
  }

  /**
   * Writes the specification of `id`, replacing an earlier one; the same input gives the same file, and a file that already says this is
   * left alone.
   *
   * @param id becomes part of the file's name and of every device's name, which must be unique over all files of the vendor and class.
   * @param containerEdits what a container gets once, however many of these devices it gets.
   * @returns the devices' qualified names, `vendor/class=<id>-<name>`, in the order given; without devices there is no file.
   * @throws RangeError for names that CDI does not allow or that occur twice; file system errors.
   */
  async write(
    id: string,
    devices: readonly CdiDevice[],
    containerEdits?: CdiContainerEdits,
  ): Promise<string[]> {
    const names = devices.map(({ name }) => `${id}-${name}`);
    for (const name of [id, ...names]) {
      if (!namePattern.test(name)) throw new RangeError(`'${name}' is not a valid CDI device name`);
    }
    if (new Set(names).size < names.length) throw new RangeError(`CDI device names of ${id} are not unique`);
    if (devices.length === 0) {
      // A specification without devices is invalid.
      await this.remove(id);
      return [];
    }
    const spec = {
      cdiVersion,
      kind: this.#kind,
      devices: devices.map((device, index) => ({
        name: names[index],
        containerEdits: device.containerEdits,
      })),
      ...(containerEdits === undefined ? {} : { containerEdits }),
    };
    const text = `${JSON.stringify(spec, null, 2)}\n`;
    const path = this.#path(id);
    // At once: the file is small and is not synced, and a trip to the thread pool for each step costs more than the step.
    if (textOf(path) !== text) {
      mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
      // Runtimes look only at names ending in .json or .yaml.
      const temporary = join(this.#directory, `.${this.#prefix}${id}.${randomBytes(4).toString('hex')}`);
      try {
        writeFileSync(temporary, text, { mode: 0o644, flag: 'wx' });
        renameSync(temporary, path);
      } catch (error) {
        rmSync(temporary, { force: true });
        throw error;
      }
    }
    return names.map((name) => `${this.#kind}=${name}`);
  }

  /**
   * The devices of `id` as they were written, so that a driver may use its specifications as its journal.
   *
   * @returns undefined when there is no such file, or none that can be read: `write` replaces it.
   */
  async read(id: string): Promise<readonly CdiDevice[] | undefined> {
    const text = await readFile(this.#path(id), 'utf8').catch(ignoreMissing);
    const spec = text === undefined ? undefined : parse(text);
    return spec?.devices.map(({ name, containerEdits }) => ({
      name: name.slice(id.length + 1),
      containerEdits,
    }));
  }

  /** Removes the specification of `id`, and what processes that were killed while writing it have left; succeeds when there is none. */
  async remove(id: string): Promise<void> {
    const path = this.#path(id);
    const files = (await readdir(this.#directory).catch(ignoreMissing)) ?? [];
    const unfinished = files.filter((file) => file.startsWith(`.${this.#prefix}${id}.`));
    for (const file of unfinished) await unlink(join(this.#directory, file)).catch(ignoreMissing);
    await unlink(path).catch(ignoreMissing);
  }

  /** Ids of all specifications of this vendor and class, sorted; those of others in the directory are not listed. */
  async list(): Promise<string[]> {
    const files = (await readdir(this.#directory).catch(ignoreMissing)) ?? [];
    return files
      .filter((file) => file.startsWith(this.#prefix) && file.endsWith('.json'))
      .map((file) => file.slice(this.#prefix.length, -'.json'.length))
      .sort();
  }

  #path(id: string): string {
    if (!namePattern.test(id)) throw new RangeError(`'${id}' cannot name a CDI specification`);
    return join(this.#directory, `${this.#prefix}${id}.json`);
  }
}

/** Only this store writes its files, so what is JSON at all has their shape. */
function parse(text: string): { readonly devices: readonly CdiDevice[] } | undefined {
  try {
    return JSON.parse(text) as { readonly devices: readonly CdiDevice[] };
  } catch {
    return undefined;
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Missing, or something that writing it anew replaces or names.
    return undefined;
  }
}
