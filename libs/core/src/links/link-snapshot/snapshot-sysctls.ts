import type { NamespaceSysctls, SysctlChange } from '@patchbay/netlink';

/** Settings of a link by the directory below `/proc/sys/net` that holds its own, such as `ipv6/conf`, and by their names there. */
export type LinkSysctls = Readonly<Record<string, Readonly<Record<string, string>>>>;

const directories = ['ipv4/conf', 'ipv6/conf', 'ipv4/neigh', 'ipv6/neigh'] as const;

/** What follows from others: older names of the same setting in coarser units, and what multicast routing daemons do. */
const derived: ReadonlySet<string> = new Set([
  'base_reachable_time',
  'mc_forwarding',
  'retrans_time',
  'unres_qlen',
]);

/** Written before the others, because they depend on it. */
const first: readonly string[] = ['disable_ipv6', 'stable_secret'];
/** Written after the others: a secret that is written changes it. */
const last: readonly string[] = ['addr_gen_mode'];

/** Reads all settings of a link. The kernel resets them to its namespace's defaults whenever a link comes into one. */
export function readLinkSysctls(
  sysctls: Pick<NamespaceSysctls, 'readDirectories'>,
  linkName: string,
): LinkSysctls {
  return Object.fromEntries(
    directories.map((directory) => [directory, readDirectory(sysctls, directory, linkName)]),
  );
}

/** The changes that make a link's settings what they were. */
export async function sysctlChanges(
  sysctls: Pick<NamespaceSysctls, 'readDirectories'>,
  linkName: string,
  wanted: LinkSysctls,
): Promise<SysctlChange[]> {
  const changes: SysctlChange[] = [];
  for (const [directory, values] of Object.entries(wanted)) {
    const now = readDirectory(sysctls, directory, linkName);
    const names = Object.keys(values).filter((name) => now[name] !== values[name]);
    changes.push(
      ...inOrder(names).map((name) => ({
        path: `${directory}/${linkName}/${name}`,
        value: values[name] ?? '',
      })),
    );
    // Each directory takes about half a millisecond; the hooks of other pods come in between.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return changes;
}

function readDirectory(
  sysctls: Pick<NamespaceSysctls, 'readDirectories'>,
  directory: string,
  linkName: string,
): Record<string, string> {
  const prefix = `${directory}/${linkName}`;
  const values = sysctls.readDirectories([prefix]);
  return Object.fromEntries(
    Object.entries(values)
      .map(([path, value]) => [path.slice(prefix.length + 1), value] as const)
      .filter(([name]) => !derived.has(name)),
  );
}

function inOrder(names: readonly string[]): readonly string[] {
  return [
    ...first.filter((name) => names.includes(name)),
    ...names.filter((name) => !first.includes(name) && !last.includes(name)),
    ...last.filter((name) => names.includes(name)),
  ];
}
