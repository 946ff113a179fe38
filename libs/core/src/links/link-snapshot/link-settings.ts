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

/** The settings that differ. */
export function settingsDifference(wanted: LinkSettings, now: LinkSettings): LinkSettings {
  const names = (Object.keys(wanted) as (keyof LinkSettings)[]).filter((name) => wanted[name] !== now[name]);
  const all = names.some((name) => (sizes as readonly string[]).includes(name))
    ? [...names, ...sizes]
    : names;
  return Object.fromEntries(
    [...new Set(all)].flatMap((name) => (wanted[name] === undefined ? [] : [[name, wanted[name]]])),
  );
}
