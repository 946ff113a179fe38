import * as z from 'zod';

/** Smallest and largest value of a setting. */
type Range = readonly [smallest: number, largest: number];

const switched: Range = [0, 1];
const milliseconds: Range = [0, 2_147_483_647];

/**
 * IPv4 settings of a link that claims may change, with their values (Documentation/networking/ip-sysctl.rst). Absent are those that let a pod
 * be led astray from outside (`accept_source_route`) and those that have a parameter of their own (`forwarding`).
 */
const ipv4Settings = {
  accept_local: switched,
  accept_redirects: switched,
  arp_accept: [0, 2],
  arp_announce: [0, 2],
  arp_evict_nocarrier: switched,
  arp_filter: switched,
  arp_ignore: [0, 8],
  arp_notify: switched,
  bc_forwarding: switched,
  drop_gratuitous_arp: switched,
  drop_unicast_in_l2_multicast: switched,
  force_igmp_version: [0, 3],
  ignore_routes_with_linkdown: switched,
  log_martians: switched,
  promote_secondaries: switched,
  proxy_arp: switched,
  proxy_arp_pvlan: switched,
  route_localnet: switched,
  rp_filter: [0, 2],
  secure_redirects: switched,
  send_redirects: switched,
  shared_media: switched,
  src_valid_mark: switched,
} as const satisfies Record<string, Range>;

/** IPv6 settings of a link that claims may change. */
const ipv6Settings = {
  accept_dad: [0, 2],
  accept_ra: [0, 2],
  accept_ra_defrtr: switched,
  accept_ra_from_local: switched,
  accept_ra_min_hop_limit: [0, 255],
  accept_ra_mtu: switched,
  accept_ra_pinfo: switched,
  accept_ra_rt_info_max_plen: [0, 128],
  accept_ra_rt_info_min_plen: [0, 128],
  accept_ra_rtr_pref: switched,
  accept_redirects: switched,
  accept_untracked_na: [0, 2],
  addr_gen_mode: [0, 3],
  autoconf: switched,
  dad_transmits: [0, 100],
  disable_ipv6: switched,
  drop_unicast_in_l2_multicast: switched,
  drop_unsolicited_na: switched,
  enhanced_dad: switched,
  force_mld_version: [0, 2],
  hop_limit: [1, 255],
  ignore_routes_with_linkdown: switched,
  keep_addr_on_down: [-1, 1],
  ndisc_evict_nocarrier: switched,
  ndisc_notify: switched,
  optimistic_dad: switched,
  proxy_ndp: switched,
  router_solicitation_delay: [0, 3600],
  router_solicitation_interval: [0, 3600],
  router_solicitations: [-1, 1000],
  use_oif_addrs_only: switched,
  use_optimistic: switched,
  use_tempaddr: [-1, 2],
} as const satisfies Record<string, Range>;

/** Settings of a link's neighbour table, the same for IPv4 and IPv6. */
const neighbourSettings = {
  app_solicit: [0, 100],
  base_reachable_time_ms: milliseconds,
  delay_first_probe_time: [0, 3600],
  gc_stale_time: [0, 2_147_483],
  mcast_resolicit: [0, 100],
  mcast_solicit: [0, 100],
  retrans_time_ms: milliseconds,
  ucast_solicit: [0, 100],
} as const satisfies Record<string, Range>;

/** All settings that claims may change, by the name that sysctl(8) knows, with `IFNAME` for the link. */
export const sysctlRanges: ReadonlyMap<string, Range> = new Map([
  ...named('net.ipv4.conf', ipv4Settings),
  ...named('net.ipv6.conf', ipv6Settings),
  ...named('net.ipv4.neigh', neighbourSettings),
  ...named('net.ipv6.neigh', neighbourSettings),
]);

function named(prefix: string, settings: Readonly<Record<string, Range>>): [string, Range][] {
  return Object.entries(settings).map(([name, range]) => [`${prefix}.IFNAME.${name}`, range]);
}

/** Settings of the interface by name; a value that is written as text is taken for the number that it is. */
export const sysctls = z
  .record(z.string(), z.union([z.int(), z.string().regex(/^-?\d{1,10}$/)]))
  .meta({ propertyNames: { enum: [...sysctlRanges.keys()] } })
  .transform((given, context) => {
    const values: Record<string, number> = {};
    for (const [name, text] of Object.entries(given)) {
      const value = Number(text);
      const mistake = sysctlMistake(name, value);
      if (mistake === undefined) values[name] = value;
      else context.addIssue({ code: 'custom', path: [name], message: mistake });
    }
    return values;
  });

function sysctlMistake(name: string, value: number): string | undefined {
  const range = sysctlRanges.get(name);
  if (range === undefined) return unknownMistake(name);
  const [smallest, largest] = range;
  return value < smallest || value > largest
    ? `${value} is out of range; ${name} takes ${smallest} to ${largest}`
    : undefined;
}

function unknownMistake(name: string): string {
  const steps = name.split(/[./]/);
  const [family = 'ipv4', setting = ''] = [steps[1], steps.at(-1)];
  if (setting === 'forwarding') return 'has a parameter of its own; write interface.forwarding instead';
  if (setting === 'mtu') return 'has a parameter of its own; write interface.mtu instead';
  const section = steps.includes('neigh') ? 'neigh' : 'conf';
  const meant = `net.${family}.${section}.IFNAME.${setting}`;
  if (sysctlRanges.has(meant)) return `is written ${meant}, whatever the interface is called`;
  return 'is no setting of an interface that claims may change; docs/parameters.md lists those';
}
