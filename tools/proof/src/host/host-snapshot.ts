import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RouteSocket } from '@patchbay/netlink';

/** `RT_TABLE_MAIN` (linux/rtnetlink.h). */
const mainTable = 254;

/** The lab's whole links, which go to pods and come back. */
const cardName = /^nic\d+$/;

type Json = Readonly<Record<string, unknown>>;

/** All that a driver must leave as it was, as comparable text lines. */
export type HostSnapshot = readonly string[];

/** Flags of a link that somebody has set; the kernel adds others as carrier comes and goes. */
const configuredFlags = new Set(['UP', 'PROMISC', 'ALLMULTI', 'NOARP', 'MULTICAST', 'SLAVE', 'MASTER']);

/**
 * What `ip -d -j` says of links, addresses, routes of all tables, rules and permanent neighbours of the namespace that this process is in,
 * and the settings of its cards.
 * Left out is only what the kernel counts or decides by itself: timers, and what follows from carriers.
 */
export function hostSnapshot(): HostSnapshot {
  const [links = [], addresses = [], ...tables] = [
    ...ip([], ['link show', 'addr show', 'route show table all', 'rule show', 'neigh show']),
    ...ip(['-6'], ['route show table all', 'rule show']),
  ];
  const [routes4 = [], rules4 = [], neighbours = [], routes6 = [], rules6 = []] = tables;
  return [
    ...links.map((link) => line('link', settledLink(link))).sort(),
    ...addresses.flatMap(addressesOf).sort(),
    ...[...routes4, ...routes6].map((route) => line('route', settledRoute(route))).sort(),
    ...[...rules4, ...rules6].map((rule) => line('rule', rule)),
    ...neighbours
      .filter(({ state }) => JSON.stringify(state).includes('PERMANENT'))
      .map((neighbour) => line('neighbour', neighbour))
      .sort(),
    ...links.flatMap(({ ifname }) => (cardName.test(String(ifname)) ? settingsOf(String(ifname)) : [])),
  ];
}

/** The most important of it, twenty times quicker. */
export function quickSnapshot(socket: RouteSocket): string {
  const links = socket
    .links()
    .map(({ index, name, altnames, alias, kind, mtu, address, up, master, txQueueLength }) =>
      JSON.stringify([index, name, altnames, alias, kind, mtu, address, up, master, txQueueLength]),
    );
  const addresses = socket
    .addresses()
    .filter(({ scope }) => scope !== 'link')
    .map(({ linkIndex, address, scope }) => JSON.stringify([linkIndex, address, scope]));
  const routes = socket
    .routes()
    .filter(({ table }) => table === mainTable)
    .map(({ linkIndex, destination, gateway, metric }) =>
      JSON.stringify([linkIndex, destination, gateway, metric]),
    );
  return [...links, ...addresses, ...routes, ...socket.rules().map((rule) => JSON.stringify(rule))]
    .sort()
    .join('\n');
}

/** How two snapshots differ, in lines for people; none when they do not. */
export function differences(before: HostSnapshot, after: HostSnapshot): readonly string[] {
  if (isDeepStrictEqual(before, after)) return [];
  const gone = before.filter((each) => !after.includes(each));
  const come = after.filter((each) => !before.includes(each));
  if (gone.length + come.length === 0) return ['the same lines in another order or number'];
  const changed = gone.flatMap((each) => {
    const link = linkName(each);
    const twin = link === undefined ? undefined : come.find((other) => linkName(other) === link);
    return link === undefined || twin === undefined ? [] : [{ link, each, twin }];
  });
  return [
    ...changed.map(({ link, each, twin }) => `link ${link}: ${changedFields(each, twin)}`),
    ...gone.filter((each) => !changed.some((pair) => pair.each === each)).map((each) => `- ${each}`),
    ...come.filter((each) => !changed.some((pair) => pair.twin === each)).map((each) => `+ ${each}`),
  ];
}

/** As many of the lines as a person reads. */
export function shortened(lines: readonly string[], longest = 30): string {
  const more = lines.length > longest ? [`… and ${lines.length - longest} more lines`] : [];
  return [...lines.slice(0, longest), ...more].join('\n');
}

/** The link that a line is about; undefined when it is about something else. */
function linkName(text: string): string | undefined {
  return text.startsWith('link ') ? /"ifname":"([^"]*)"/.exec(text)?.[1] : undefined;
}

function changedFields(before: string, after: string): string {
  const [old, now] = [before, after].map((text) => JSON.parse(text.slice(text.indexOf('{'))) as Json);
  return [...new Set([...Object.keys(old ?? {}), ...Object.keys(now ?? {})])]
    .filter((name) => !isDeepStrictEqual(old?.[name], now?.[name]))
    .map((name) => `"${name}" was ${JSON.stringify(old?.[name])}, is ${JSON.stringify(now?.[name])}`)
    .join('; ');
}

/** Paths of all files below the directories, sorted; directories that are empty are files too. */
export function filesBelow(...directories: readonly string[]): readonly string[] {
  return directories
    .filter((directory) => existsSync(directory))
    .flatMap((directory) =>
      readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((name) => join(directory, name)),
    )
    .sort();
}

/** A link's own settings below /proc/sys/net. */
function settingsOf(link: string): string[] {
  return ['ipv4/conf', 'ipv6/conf', 'ipv4/neigh', 'ipv6/neigh'].flatMap((group) => {
    const directory = `/proc/sys/net/${group}/${link}`;
    const values = readdirSync(directory).map((name) => `${name}=${readSetting(join(directory, name))}`);
    return values.map((value) => `setting of ${JSON.stringify(link)}: ${group}/${value}`);
  });
}

function readSetting(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Such as stable_secret while there is none.
    return '';
  }
}

/** Runs commands of ip(8) in one process; each gives a list. */
function ip(options: readonly string[], commands: readonly string[]): Json[][] {
  const output = execFileSync('ip', [...options, '-d', '-j', '-batch', '-'], {
    input: `${commands.join('\n')}\n`,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return output
    .split('\n')
    .filter((text) => text.startsWith('['))
    .map((text) => JSON.parse(text) as Json[]);
}

function settledLink(link: Json): Json {
  const { operstate: _operstate, flags, linkinfo, ...rest } = link;
  const { info_data: data, info_slave_data: slaveData, ...information } = (linkinfo ?? {}) as Json;
  return {
    ...rest,
    flags: (flags as string[]).filter((flag) => configuredFlags.has(flag)).sort(),
    linkinfo: { ...information, data: withoutMoments(data), slaveData: withoutMoments(slaveData) },
  };
}

/** Without timers and the state of bridge ports, which follow from the moment. */
function withoutMoments(data: unknown): Json {
  return Object.fromEntries(
    Object.entries((data ?? {}) as Json).filter(([name]) => !/timer|^state$|tc_detected|change/.test(name)),
  );
}

function addressesOf({ ifname, addr_info: addresses }: Json): string[] {
  return (addresses as Json[]).map(({ tentative: _tentative, ...address }) =>
    line('address', { ifname, ...address }),
  );
}

function settledRoute({ flags, ...route }: Json): Json {
  return {
    ...route,
    flags: (flags as string[] | undefined)?.filter((flag) => !['linkdown', 'dead'].includes(flag)),
  };
}

function line(what: string, value: Json): string {
  return `${what} ${JSON.stringify(value)}`;
}
