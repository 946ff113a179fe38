import type { Link, Route } from '@patchbay/netlink';

/** Names by which the common CNI plugins' own links are known; they hang on a node's network and never belong into a pod. */
const cniLinkNames =
  /^(cni\d|flannel[.\d-]|cilium_|lxc|cali|tunl\d|vxlan\.calico|kube-|docker\d|weave|antrea-|genev_sys_|ovn-|br-int|nodelocaldns|kube-ipvs)/;

/** Kinds of links that connect others and cannot or must not be given away. */
const connectingKinds = new Set(['bridge', 'bond', 'team', 'openvswitch', 'vrf', 'netkit']);

/**
 * Which of the host's links are the node's own wiring, and why: never published, never touched. Decided anew from the kernel's state each
 * time, because the default route may move.
 *
 * @returns a reason in words for each such link, by index
 */
export function nodeWiring(links: readonly Link[], routes: readonly Route[]): ReadonlyMap<number, string> {
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const reasons = new Map<number, string>();
  const add = (index: number, reason: string) => {
    if (!reasons.has(index)) reasons.set(index, reason);
  };

  for (const link of links) {
    if (link.encapsulation === 'loopback') add(link.index, 'is the loopback interface');
    if (link.kind !== undefined && connectingKinds.has(link.kind)) add(link.index, `is a ${link.kind}`);
    if (cniLinkNames.test(link.name)) add(link.index, 'belongs to a CNI plugin');
    if (link.kind === 'veth' && link.parentNamespaceId !== undefined) {
      add(link.index, "is the host's end of a pod's link");
    }
    const master = link.master === undefined ? undefined : byIndex.get(link.master);
    if (master !== undefined) add(link.index, `is a port of ${master.kind ?? 'link'} ${master.name}`);
  }
  for (const index of uplinks(routes)) {
    add(index, 'carries a default route');
    for (const lower of lowerTree(index, links, byIndex)) {
      add(lower, `carries the default route's link ${byIndex.get(index)?.name}`);
    }
  }
  return reasons;
}

function uplinks(routes: readonly Route[]): number[] {
  return routes
    .filter(
      ({ destination, type }) =>
        type === 'unicast' && (destination === '0.0.0.0/0' || destination === '::/0'),
    )
    .flatMap((route) => [route.linkIndex, ...(route.nexthops ?? []).map(({ linkIndex }) => linkIndex)])
    .filter((index) => index !== undefined);
}

/** The links that a link is built on (`IFLA_LINK`) or that are enslaved to it, and theirs. */
function lowerTree(top: number, links: readonly Link[], byIndex: ReadonlyMap<number, Link>): Set<number> {
  const found = new Set<number>();
  const visit = (index: number) => {
    const link = byIndex.get(index);
    const parent = link?.parentNamespaceId === undefined ? link?.parent : undefined;
    const lower = [
      ...(parent === undefined ? [] : [parent]),
      ...links.filter(({ master }) => master === index).map((member) => member.index),
    ];
    for (const next of lower) {
      if (next === top || found.has(next)) continue;
      found.add(next);
      visit(next);
    }
  };
  visit(top);
  return found;
}
