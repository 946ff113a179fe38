import {
  type Address,
  ChangeMonitor,
  type ChangeScope,
  isCrossingPair,
  type Link,
  type RouteSocket,
  widestRoutePrefix,
} from '@patchbay/netlink';
import { readFileSync } from 'node:fs';
import { nodeWiring } from './node-wiring.ts';
import { leadsByObject, withLinksOfObjects } from './routes-by-object.ts';

/** The host's links as of one look at the kernel. */
export interface HostState {
  readonly links: readonly Link[];
  /** Their addresses in the kernel's order, by index. */
  readonly addresses: ReadonlyMap<number, readonly Address[]>;
  /** Why a link is the node's own wiring and not for pods, by index. */
  readonly wiring: ReadonlyMap<number, string>;
}

/** Of what is not told, such as a new alias of a link that is down, one hears after so long, in milliseconds. */
const longestKeptMs = 30_000;

/** Reads the kernel's state; a `RouteSocket` in the host's namespace does. */
export type HostNetlink = Pick<
  RouteSocket,
  'linksAsync' | 'addressesAsync' | 'routesAsync' | 'nexthopObjects'
>;

/** Who is told when the host's links have changed. */
interface Watcher {
  onChange(): void;
  /** See {@link HostLinks.watch}. */
  readonly meant: readonly string[];
}

/**
 * The host's links, read once for all backends: one monitor tells when they changed, and only then the kernel is asked again. However many
 * changes there are, the first one is told, and nothing more until somebody has looked. What pods' own links do on a node, which is much and is
 * of no interest, is not told at all, and shows in {@link state} only after something else has changed.
 */
export class HostLinks {
  readonly #netlink: HostNetlink;
  readonly #isReserved: (link: Link) => boolean;
  readonly #watchers = new Set<Watcher>();
  #state: Promise<HostState> | undefined;
  /** When that was begun, in milliseconds of `performance.now`. */
  #lookedAt = 0;
  #monitor: ChangeMonitor | undefined;
  #scope: ChangeScope = everything;

  /**
   * @param netlink in the host's namespace; stays the caller's to close
   * @param isReserved whether the node keeps a link for itself because its configuration says so
   */
  constructor(netlink: HostNetlink, isReserved: (link: Link) => boolean = () => false) {
    this.#netlink = netlink;
    this.#isReserved = isReserved;
  }

  /** The links now: what has changed before the call is in it, if it is of interest. Without a running {@link watch} the kernel is asked every time. */
  async state(): Promise<HostState> {
    const isCurrent = this.#monitor?.changed === false && performance.now() - this.#lookedAt < longestKeptMs;
    if (!isCurrent) this.#state = undefined;
    const state = (this.#state ??= this.#look());
    try {
      return await state;
    } catch (error) {
      if (this.#state === state) this.#state = undefined;
      throw error;
    }
  }

  /**
   * Calls `onChange` when links, their addresses, or the routes that make them the node's own may have changed, until the signal is aborted:
   * once, and again when something changes after {@link state} was asked for.
   *
   * @param meant names or altnames of links that are of interest also if they are the host's ends of pods' links, which else are none
   */
  watch(onChange: () => void, signal: AbortSignal, meant: readonly string[] = []): void {
    if (signal.aborted) return;
    const watcher = { onChange, meant };
    this.#watchers.add(watcher);
    this.#monitor ??= ChangeMonitor.open({
      groups: ['link', 'address', 'route', ...(routesTellObjectsOnly() ? (['nexthop'] as const) : [])],
      // Drivers that come and go under a link, and virtual functions, show in sysfs, of which only uevents tell.
      subsystems: ['net', 'pci'],
      onChange: () => this.#changed(),
    });
    this.#hear(everything);
    signal.addEventListener('abort', () => this.#unwatch(watcher), { once: true });
  }

  #changed(): void {
    for (const { onChange } of this.#watchers) onChange();
  }

  #unwatch(watcher: Watcher): void {
    this.#watchers.delete(watcher);
    if (this.#watchers.size > 0) return;
    this.#monitor?.close();
    this.#monitor = undefined;
    this.#state = undefined;
  }

  /** Looks until nothing can have been missed by hearing less than what turned out to be of interest. */
  async #look(): Promise<HostState> {
    for (;;) {
      const heard = this.#scope;
      const state = await this.#lookOnce();
      const wanted = this.#scopeFor(state.links);
      const enough = this.#scope === heard && covers(heard, wanted);
      this.#hear(wanted);
      if (enough) return state;
    }
  }

  #hear(scope: ChangeScope): void {
    if (this.#monitor === undefined || (covers(scope, this.#scope) && covers(this.#scope, scope))) return;
    this.#scope = scope;
    this.#monitor.scope = scope;
  }

  /** What has to be heard while these are the host's links. */
  #scopeFor(links: readonly Link[]): ChangeScope {
    const meant = [...this.#watchers].flatMap((watcher) => watcher.meant);
    const others = links.filter((link) => !isCrossingPair(link));
    // One that is missing may come as the end of a pair.
    const missing = (wanted: string) =>
      !others.some(({ name, altnames }) => name === wanted || altnames.includes(wanted));
    return meant.some(missing)
      ? everything
      : { crossingPairs: false, addressesOf: new Set(others.map(({ index }) => index)) };
  }

  async #lookOnce(): Promise<HostState> {
    this.#lookedAt = performance.now();
    // What changes from here on is told again, so that whoever was told looks again.
    this.#monitor?.arm();
    const [links, addresses, routes] = await Promise.all([
      this.#netlink.linksAsync(),
      this.#netlink.addressesAsync(),
      this.#netlink.routesAsync({ longestPrefix: widestRoutePrefix }),
    ]);
    const byLink = new Map<number, Address[]>();
    for (const address of addresses) {
      const ofLink = byLink.get(address.linkIndex);
      if (ofLink === undefined) byLink.set(address.linkIndex, [address]);
      else ofLink.push(address);
    }
    const told = routes.some(leadsByObject)
      ? withLinksOfObjects(routes, this.#netlink.nexthopObjects())
      : routes;
    return { links, addresses: byLink, wiring: nodeWiring(links, told, this.#isReserved) };
  }
}

const everything: ChangeScope = { crossingPairs: true };

/** Whether all that is in one scope is in another as well. */
function covers(outer: ChangeScope, inner: ChangeScope): boolean {
  const { addressesOf: all } = outer;
  const addresses =
    all === undefined ||
    (inner.addressesOf !== undefined && [...inner.addressesOf].every((index) => all.has(index)));
  return addresses && (outer.crossingPairs || !inner.crossingPairs);
}

/** Else a change of a next-hop object is told as one of its routes. Kernels that know no such objects have neither. */
function routesTellObjectsOnly(): boolean {
  try {
    return readFileSync('/proc/sys/net/ipv4/nexthop_compat_mode', 'utf8').trim() === '0';
  } catch {
    return false;
  }
}
