import { isCrossingPair, type Link, type Route } from '@patchbay/netlink';
import { isCniLinkName } from './cni-link-names.ts';

/** Kinds of links that connect others and cannot or must not be given away. */
const connectingKinds = new Set(['bridge', 'bond', 'team', 'openvswitch', 'vrf', 'netkit', 'hsr', 'batadv']);

/** Links that tunnel modules make in the first namespace by themselves; they cannot leave it. */
const fallbackTunnels = /^(tunl0|sit0|ip6tnl0|gre0|gretap0|erspan0|ip_vti0|ip6_vti0|ip6gre0)$/;

/** Destinations that between them stand for the default route, as VPN clients and address planners write it. */
const defaultDestinations = new Set([
  '0.0.0.0/0',
  '::/0',
  '0.0.0.0/1',
  '128.0.0.0/1',
  '::/1',
  '8000::/1',
  '2000::/3',
]);

/** Names of a card's ports towards its own functions (`devlink_port_phys_port_name_get`, net/devlink/port.c): `pf0vf1`, `c1pf0sf88`. */
const representorPorts = /^(c\d+)?pf\d+((vf|sf)\d+)?$/;

/** Kinds whose `IFLA_LINK` is their other end, not what they are built on. */
const pairedKinds = new Set(['veth', 'netkit', 'vxcan']);

/**
 * Which of the host's links are the node's own wiring, and why: never published, never touched. Decided anew from the kernel's state each
 * time, because default routes move, and links are enslaved and released.
 *
 * @param routes all that lead to everything, of both families and all tables; others may be among them
 * @param isReserved whether the node's configuration keeps a link
 * @returns a reason in words for each such link, by index
 */
export function nodeWiring(
  links: readonly Link[],
  routes: readonly Route[],
  isReserved: (link: Link) => boolean = () => false,
): ReadonlyMap<number, string> {
  const graph = new LinkGraph(links);
  const reasons = new Map<number, string>();
  const add = (index: number, reason: string) => {
    if (!reasons.has(index)) reasons.set(index, reason);
  };
  /** Keeps a link and all that carries it. */
  const addTree = (top: Link, reason: string, belowReason: string) => {
    add(top.index, reason);
    for (const lower of graph.below(top)) add(lower, belowReason);
  };

  for (const link of links) for (const reason of ownReasons(link, graph, isReserved)) add(link.index, reason);
  for (const index of uplinks(routes)) {
    const top = graph.link(index);
    if (top !== undefined)
      addTree(top, 'carries a default route', `carries the default route's link ${top.name}`);
  }
  for (const link of links) {
    if (belongsToCni(link)) {
      addTree(link, 'belongs to a CNI plugin', `carries ${link.name}, which belongs to a CNI plugin`);
    } else if (isReserved(link)) {
      for (const lower of graph.below(link))
        add(lower, `carries ${link.name}, which the configuration reserves`);
    }
  }
  for (const link of links) {
    const [upper] = graph.builtOn(link);
    if (upper !== undefined) add(link.index, `carries ${upper.name}`);
  }
  return reasons;
}

/** Indexes of the links of the same namespace that a link is built on, and those are: its own end of a pair is not. */
export function linksUnder(link: Link, links: readonly Link[]): number[] {
  const byIndex = new Map(links.map((one) => [one.index, one]));
  const under = new Set<number>();
  const visit = (upper: Link) => {
    if (pairedKinds.has(upper.kind ?? '')) return;
    for (const index of parentsOf(upper)) {
      const lower = byIndex.get(index);
      if (lower === undefined || lower === link || under.has(index)) continue;
      under.add(index);
      visit(lower);
    }
  };
  visit(link);
  return [...under];
}

/** Why a link is the node's own for what it is itself, the most telling reason first. */
function ownReasons(link: Link, graph: LinkGraph, isReserved: (link: Link) => boolean): string[] {
  const { kind, master } = link;
  const reasons: string[] = [];
  if (link.encapsulation === 'loopback') reasons.push('is the loopback interface');
  if (isReserved(link)) reasons.push('is reserved by the configuration (devices.reserved)');
  if (kind !== undefined && connectingKinds.has(kind)) reasons.push(`is a ${kind}`);
  if (belongsToCni(link)) reasons.push('belongs to a CNI plugin');
  const end = graph.otherEnd(link);
  if (end !== undefined && belongsToCni(end)) {
    reasons.push(`is the other end of ${end.name}, which belongs to a CNI plugin`);
  }
  if (isCrossingPair(link)) reasons.push("is the host's end of a pod's link");
  if (link.physicalSwitchId !== undefined && representorPorts.test(link.physicalPortName ?? '')) {
    reasons.push(`is the switch's port ${link.physicalPortName} of a function of its card`);
  }
  if (master !== undefined) {
    const { kind: masterKind = link.slaveKind ?? 'link', name = `number ${master}` } =
      graph.link(master) ?? {};
    reasons.push(`is a port of ${masterKind} ${name}`);
  }
  if (link.namespaceImmutable === true || fallbackTunnels.test(link.name)) {
    reasons.push('cannot leave its network namespace');
  }
  return reasons;
}

function belongsToCni({ name, altnames }: Link): boolean {
  return [name, ...altnames].some(isCniLinkName);
}

function uplinks(routes: readonly Route[]): Set<number> {
  return new Set(
    routes
      .filter(({ destination, type }) => type === 'unicast' && defaultDestinations.has(destination))
      .flatMap(({ linkIndex, nexthops = [] }) => [linkIndex, ...nexthops.map((hop) => hop.linkIndex)])
      .filter((index) => index !== undefined),
  );
}

/** How the links of one namespace hang together. */
class LinkGraph {
  readonly #byIndex: ReadonlyMap<number, Link>;
  readonly #ports = new Map<number, Link[]>();
  readonly #upper = new Map<number, Link[]>();

  constructor(links: readonly Link[]) {
    this.#byIndex = new Map(links.map((link) => [link.index, link]));
    for (const link of links) {
      if (link.master !== undefined) append(this.#ports, link.master, link);
      if (pairedKinds.has(link.kind ?? '')) continue;
      for (const parent of parentsOf(link)) if (parent !== link.index) append(this.#upper, parent, link);
    }
  }

  link(index: number): Link | undefined {
    return this.#byIndex.get(index);
  }

  /** The other end of a pair, if it is in this namespace. */
  otherEnd(link: Link): Link | undefined {
    const [end] = pairedKinds.has(link.kind ?? '') ? parentsOf(link) : [];
    return end === undefined ? undefined : this.#byIndex.get(end);
  }

  /** Links that are built on a link and would not work without it: its VLANs, macvlan links, tunnels. */
  builtOn({ index }: Link): readonly Link[] {
    return this.#upper.get(index) ?? [];
  }

  /** Indexes of all links that a link is built on, that are its other end or its ports, and of theirs. */
  below(top: Link): ReadonlySet<number> {
    const found = new Set<number>();
    const waiting = [top];
    for (let link = waiting.pop(); link !== undefined; link = waiting.pop()) {
      const lower = [...parentsOf(link), ...(this.#ports.get(link.index) ?? []).map(({ index }) => index)];
      for (const index of lower) {
        const next = this.#byIndex.get(index);
        if (next === undefined || next === top || found.has(index)) continue;
        found.add(index);
        waiting.push(next);
      }
    }
    return found;
  }
}

/** What a link is built on or connected with in its own namespace (`IFLA_LINK`, and what a VXLAN sends by). */
function parentsOf({ parent, parentNamespaceId, data }: Link): number[] {
  const own = parentNamespaceId === undefined && parent !== undefined && parent !== 0 ? [parent] : [];
  return data?.kind === 'vxlan' && data.link !== undefined ? [...own, data.link] : own;
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
