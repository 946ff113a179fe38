import { type Link, linkSet, NetlinkError, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { HostLeftover } from '../backend/backend.ts';
import { isMark } from './link-identity.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import type { NamespacePins } from './namespace-pins.ts';
import { openUnlessGone } from './open-unless-gone.ts';

/**
 * Pins of namespaces that no record accounts for: the record of a link that is in there is lost, and with it what the link was. The link itself
 * comes back to the host all the same, with the name that it has, and is an administrator's to set up again.
 */
export class StrayPins {
  readonly #pins: NamespacePins;
  readonly #host: RouteSocket;

  /** @param host a socket in the host's namespace; stays the caller's to close */
  constructor(pins: NamespacePins, host: RouteSocket) {
    this.#pins = pins;
    this.#host = host;
  }

  /** @param accounted links that records know of; called after looking at the pins */
  find(accounted: () => readonly LinkSnapshot[]): HostLeftover[] {
    const present = this.#pins.paths();
    if (present.length === 0) return [];
    const known = new Set(accounted().map((snapshot) => this.#pins.path(snapshot)));
    return present
      .filter((path) => !known.has(path))
      .map((path) => ({ what: 'pinned namespace', name: path, remove: () => this.#remove(path) }));
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
      if (!(error instanceof NetlinkError && error.code === 'EEXIST')) throw error;
      await move(`pb${link.index}`);
    }
    const back = (await this.#host.linksAsync()).find(({ alias }) => alias === link.alias);
    if (back !== undefined) await this.#host.executeAsync(linkSet(back.index, { alias: '' }));
  }
}
