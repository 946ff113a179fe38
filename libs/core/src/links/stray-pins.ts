import {
  type Link,
  linkDeleteAltname,
  linkSet,
  namespaceIdentity,
  NetworkNamespace,
  RouteSocket,
} from '@patchbay/netlink';
import type { HostLeftover, PodSandbox } from '../backend/backend.ts';
import { isMark } from './link-identity.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import type { NamespacePins } from './namespace-pins.ts';
import { isExists } from './name-conflict.ts';
import { openUnlessGone } from './open-unless-gone.ts';

/** What accounts for pins. */
export interface AccountedPins {
  /** Links that records know of. */
  readonly snapshots: readonly LinkSnapshot[];
  /** The sandboxes that the runtime runs; undefined when that is not known. */
  readonly running: readonly Pick<PodSandbox, 'networkNamespacePath'>[] | undefined;
}

/**
 * Pins of namespaces that no record accounts for and no pod runs in: the record of a link that is in there is lost, and with it what the link
 * was. The link itself comes back to the host all the same, with the name that it has, and is an administrator's to set up again.
 */
export class StrayPins {
  readonly #pins: NamespacePins;
  readonly #host: RouteSocket;

  /** @param host a socket in the host's namespace; stays the caller's to close */
  constructor(pins: NamespacePins, host: RouteSocket) {
    this.#pins = pins;
    this.#host = host;
  }

  /** @param accounted called after looking at the pins, and again before one is removed */
  find(accounted: () => AccountedPins): HostLeftover[] {
    const remove = async (path: string) => {
      if (this.#strays(accounted).includes(path)) await this.#remove(path);
    };
    return this.#strays(accounted).map((path) => ({
      what: 'pinned namespace',
      name: path,
      remove: () => remove(path),
    }));
  }

  #strays(accounted: () => AccountedPins): string[] {
    const present = this.#pins.paths();
    if (present.length === 0) return [];
    const { snapshots, running } = accounted();
    if (running === undefined) return [];
    const known = new Set(snapshots.map((snapshot) => this.#pins.path(snapshot)));
    const inUse = new Set(running.map((sandbox) => namespaceIdentity(sandbox.networkNamespacePath)));
    return present.filter((path) => {
      const identity = namespaceIdentity(path);
      return !known.has(path) && (identity === undefined || !inUse.has(identity));
    });
  }

  async #remove(path: string): Promise<void> {
    {
      using namespace = openUnlessGone(path);
      if (namespace !== undefined) {
        using pod = RouteSocket.open({ namespace });
        for (const link of await pod.linksAsync()) {
          const { alias } = link;
          if (alias !== undefined && isMark(alias) && this.#pins.isOf(path, alias))
            await this.#bringBack(pod, link);
        }
      }
    }
    NetworkNamespace.unpin(path);
  }

  async #bringBack(pod: RouteSocket, link: Link): Promise<void> {
    using own = NetworkNamespace.own();
    const move = (name: string) => pod.executeAsync(linkSet(link.index, { up: false, namespace: own, name }));
    try {
      await move(link.name);
    } catch (error) {
      if (!isExists(error)) throw error;
      // Its name is taken, or one of the alternative names is.
      if (link.altnames.length > 0) await pod.executeAsync(linkDeleteAltname(link.index, link.altnames));
      await move(`pb${link.index}`);
    }
    const back = (await this.#host.linksAsync()).find(({ alias }) => alias === link.alias);
    if (back !== undefined) await this.#host.executeAsync(linkSet(back.index, { alias: '' }));
  }
}
