import { type Link, type LinkChanges, linkFlags } from '@patchbay/netlink';

/** What an administrator can set of a link by one message, besides MTU, hardware address, alias and length of the queue. */
export type LinkSettings = Pick<
  LinkChanges,
  | 'broadcast'
  | 'group'
  | 'gsoMaxSize'
  | 'gsoMaxSegments'
  | 'groMaxSize'
  | 'gsoIpv4MaxSize'
  | 'groIpv4MaxSize'
  | 'promiscuous'
  | 'allMulticast'
  | 'multicast'
  | 'noArp'
  | 'protoDown'
  | 'linkMode'
>;

/** Sizes of packets that are put together or cut; setting one of IPv6 also changes that of IPv4 (`netif_set_gso_max_size`, net/core/dev.h). */
const sizes = ['gsoMaxSize', 'gsoMaxSegments', 'groMaxSize', 'gsoIpv4MaxSize', 'groIpv4MaxSize'] as const;

/** Reads the settings of a link. Promiscuity counts only as far as an administrator asked for it: programs that capture count themselves. */
export function linkSettings(link: Link): LinkSettings {
  const { broadcast, group, protoDown, linkMode, flags } = link;
  return {
    ...(broadcast === undefined ? {} : { broadcast }),
    ...(group === undefined ? {} : { group }),
    ...Object.fromEntries(sizes.flatMap((name) => (link[name] === undefined ? [] : [[name, link[name]]]))),
    promiscuous: (flags & linkFlags.promiscuous) !== 0,
    allMulticast: (flags & linkFlags.allMulticast) !== 0,
    multicast: (flags & linkFlags.multicast) !== 0,
    noArp: (flags & linkFlags.noArp) !== 0,
    ...(protoDown === undefined ? {} : { protoDown }),
    ...(linkMode === undefined ? {} : { linkMode }),
  };
}

/** The settings that differ, in groups that the kernel takes or refuses for themselves. */
export function settingsDifference(wanted: LinkSettings, now: LinkSettings): LinkSettings[] {
  const differs = (name: keyof LinkSettings) => wanted[name] !== undefined && wanted[name] !== now[name];
  const pick = (names: readonly (keyof LinkSettings)[]): LinkSettings =>
    Object.fromEntries(names.flatMap((name) => (wanted[name] === undefined ? [] : [[name, wanted[name]]])));
  const others = (Object.keys(wanted) as (keyof LinkSettings)[]).filter(
    (name) => differs(name) && !flags.includes(name) && !isSize(name),
  );
  return [
    pick(flags.filter(differs)),
    ...others.map((name) => pick([name])),
    // All of them in the kernel's order, or the first would change another.
    sizes.some(differs) ? pick(sizes) : {},
  ].filter((group) => Object.keys(group).length > 0);
}

/** One message changes them all. */
const flags: readonly (keyof LinkSettings)[] = ['promiscuous', 'allMulticast', 'multicast', 'noArp'];

function isSize(name: keyof LinkSettings): boolean {
  return (sizes as readonly string[]).includes(name);
}
