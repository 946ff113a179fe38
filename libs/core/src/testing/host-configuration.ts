import { execFileSync } from 'node:child_process';
import { EthtoolSocket, NamespaceSysctls, RouteSocket } from '@patchbay/netlink';
import { wantedFeatures } from '../links/link-snapshot/take-link-snapshot.ts';
import { readLinkSysctls } from '../links/link-snapshot/snapshot-sysctls.ts';

/** What `ip` prints as JSON. */
type Json = Readonly<Record<string, unknown>>;

const commands = [
  'link show',
  'addr show',
  'route show table all',
  'rule show',
  'neigh show nud permanent',
  'neigh show proxy',
];

/** Numbers that the kernel gives and counts by itself. */
const passing: ReadonlySet<string> = new Set([
  'ifindex',
  'link_index',
  'promiscuity',
  'allmulti',
  'stats',
  'stats64',
]);
/** Seconds that are left, of which it matters only whether there is an end. */
const times: ReadonlySet<string> = new Set(['valid_life_time', 'preferred_life_time', 'expires']);
const forever = 0xffff_ffff;

/**
 * The whole configuration of the network namespace that the process is in, as a comparable object: what iproute2 shows of links, addresses,
 * routes of all tables, rules, permanent and proxy neighbours and next-hop objects, and what each link has of features, private flags and
 * sysctls. Only what the kernel counts or numbers by itself is left out. Tests that change links wait with `vi.waitFor` until it is the same
 * again: carriers and duplicate address detection take their time.
 */
export async function hostConfiguration(): Promise<object> {
  using socket = RouteSocket.open();
  using ethtool = EthtoolSocket.open();
  const sysctls = new NamespaceSysctls();
  const links = socket.links().filter(({ encapsulation }) => encapsulation !== 'loopback');
  const beyond: Record<string, object> = {};
  for (const { index, name } of links) {
    beyond[name] = {
      sysctls: readLinkSysctls(sysctls, name),
      features: wantedFeatures(await ethtool.features(index)),
      privateFlags: await ethtool.privateFlags(index),
    };
  }
  return { ipv4: iproute(4), ipv6: iproute(6), nexthopObjects: socket.nexthopObjects(), beyond };
}

function iproute(family: 4 | 6): object {
  const [link = [], address = [], route = [], ...others] = iprouteObjects(`-${family}`);
  return {
    link: link.toSorted(byName),
    address: address.toSorted(byName),
    // The order of IPv4 routes is the order in which they are taken; that of tables, and of IPv6 routes, depends on who came first.
    route:
      family === 4
        ? route.toSorted((one, other) => text(one['table']).localeCompare(text(other['table'])))
        : route.toSorted((one, other) => text(one).localeCompare(text(other))),
    others,
  };
}

/** One process for all commands: starting one takes a third of a second in an emulated machine. */
function iprouteObjects(family: string): Json[][] {
  const output = execFileSync('ip', ['-d', '-j', family, '-force', '-batch', '-'], {
    input: commands.join('\n'),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // Each command prints an array on a line of its own.
  return output
    .trimEnd()
    .split(/\n(?=\[)/)
    .map((line) => JSON.parse(line, withoutPassing) as Json[]);
}

function withoutPassing(this: unknown, key: string, value: unknown): unknown {
  if (passing.has(key) || key.endsWith('_timer')) return undefined;
  // A matter of when the kernel last looked at the other end.
  if (key === 'operstate' && value === 'LOWERLAYERDOWN') return 'DOWN';
  // A link has its queueing discipline only from the moment when it first comes up.
  if (key === 'qdisc' && !isUp(this)) return undefined;
  return times.has(key) && value !== forever ? 'ends' : value;
}

function isUp(link: unknown): boolean {
  return (
    typeof link === 'object' &&
    link !== null &&
    'flags' in link &&
    JSON.stringify(link.flags).includes('"UP"')
  );
}

function byName(one: Json, other: Json): number {
  return text(one['ifname']).localeCompare(text(other['ifname']));
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
