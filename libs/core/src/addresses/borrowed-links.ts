import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Link, linkSet, NamespaceSysctls, type RouteSocket } from '@patchbay/netlink';
import * as z from 'zod';
import { describeError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import { isUnfinished, replaceFile } from './replace-file.ts';

const borrowedLink = z.strictObject({
  index: z.int(),
  name: z.string(),
  acceptRa: z.string().optional(),
});

/**
 * Links of the host that were down and are brought up for a moment, to lease an address for the pod that gets them. A file for each says so
 * as long as it is up, so that it is taken down again even if the driver is killed.
 */
export class BorrowedLinks {
  readonly #host: RouteSocket;
  readonly #directory: string;
  readonly #logger: Logger;
  readonly #sysctls: Pick<NamespaceSysctls, 'read' | 'write'>;
  readonly #borrowed = new Set<number>();

  /** @param directory made when missing; beside the journal */
  constructor(
    host: RouteSocket,
    directory: string,
    logger: Logger,
    sysctls: Pick<NamespaceSysctls, 'read' | 'write'> = new NamespaceSysctls(),
  ) {
    this.#host = host;
    this.#sysctls = sysctls;
    this.#directory = directory;
    this.#logger = logger;
  }

  /** Does work while a link that is down is up; it is down again when this resolves. */
  async while<T>(link: Link, work: () => Promise<T>): Promise<T> {
    const { index, name } = link;
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    const path = `ipv6/conf/${name}/accept_ra`;
    const acceptRa = this.#sysctls.read([path])[path];
    replaceFile(this.#path(index), JSON.stringify({ index, name, acceptRa }));
    this.#borrowed.add(index);
    try {
      // A router on the other side must not become the node's.
      if (acceptRa !== undefined) this.#sysctls.write([{ path, value: '0' }]);
      this.#host.execute(linkSet(index, { up: true }));
      return await work();
    } finally {
      this.#giveBack({ index, name, acceptRa });
      this.#borrowed.delete(index);
    }
  }

  /** Takes down what an instance that was killed has left up. Only while no other one prepares. */
  recover(): void {
    for (const file of list(this.#directory)) {
      const path = join(this.#directory, file);
      // That link was not touched yet.
      if (isUnfinished(path)) {
        rmSync(path, { force: true });
        continue;
      }
      try {
        const borrowed = borrowedLink.parse(JSON.parse(readFileSync(path, 'utf8')));
        if (this.#borrowed.has(borrowed.index)) continue;
        this.#giveBack(borrowed);
      } catch (error) {
        rmSync(path, { force: true });
        this.#logger.warn(
          { file: path, error: describeError(error) },
          'a link that was up for a moment may have been left up; take it down by hand if it should be down',
        );
      }
    }
  }

  #giveBack({ index, name, acceptRa }: z.output<typeof borrowedLink>): void {
    const link = this.#host.link({ index });
    if (link?.name === name) {
      this.#host.execute(linkSet(index, { up: false }));
      if (acceptRa !== undefined) {
        this.#sysctls.write([{ path: `ipv6/conf/${name}/accept_ra`, value: acceptRa }]);
      }
    }
    rmSync(this.#path(index), { force: true });
  }

  #path(index: number): string {
    return join(this.#directory, `${index}.json`);
  }
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => /^\d+\.json/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
