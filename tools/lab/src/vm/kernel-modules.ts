import { execFile } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What tests of a network driver load, relative to a kernel's `kernel` folder: folders with all below them, and single modules. */
const wanted = [
  ...['drivers/net/ethernet/intel/igb', 'drivers/net/ethernet/intel/igbvf', 'drivers/vfio', 'net/vmw_vsock'],
  ...['drivers/infiniband/core', 'drivers/infiniband/sw', 'drivers/net/bonding', 'drivers/net/vxlan'],
  ...['drivers/net/ipvlan', 'net/8021q', 'net/bridge', 'net/ipv4', 'net/ipv6', 'net/netfilter', 'net/sched'],
  ...['dummy', 'ifb', 'macvlan', 'macvtap', 'tap', 'tun', 'veth', 'vrf'].map((name) => `drivers/net/${name}`),
  ...['net/9p', 'fs/9p', 'fs/configfs', 'fs/overlayfs'],
];

/** Without these the guest has no root file system. */
const boot = ['net/9p/9pnet_virtio', 'fs/9p/9p', 'fs/overlayfs/overlay'];

/** Which modules a module needs, by path relative to the folder of `modules.dep`. */
export type ModuleDependencies = ReadonlyMap<string, readonly string[]>;

/** Parses what depmod(8) writes: `path: path…`, the modules to insert last first. */
export function parseModuleDependencies(text: string): ModuleDependencies {
  const lines = text.split('\n').filter((line) => line.includes(':'));
  return new Map(
    lines.map((line) => {
      const [path = '', needed = ''] = line.split(':');
      return [path, needed.split(' ').filter((word) => word !== '')];
    }),
  );
}

/**
 * The modules among those known that are wanted, each after those that it needs.
 *
 * @param wishes folders and modules, relative to `kernel`, without extension
 */
export function withNeededModules(known: ModuleDependencies, wishes: readonly string[]): readonly string[] {
  const chosen = new Set<string>();
  for (const [path, needed] of known) {
    const name = path.replace(/^kernel\//, '').replace(/\.ko(\.\w+)?$/, '');
    if (!wishes.some((wish) => name === wish || name.startsWith(`${wish}/`))) continue;
    for (const need of [...needed].reverse()) chosen.add(need);
    chosen.add(path);
  }
  return [...chosen];
}

/** Where {@link pruneModules} finds and puts things. */
export interface PruneOptions {
  /** The kernel's release, as `uname -r` says it. */
  readonly release: string;
  /** All modules: the folder that has `kernel` in it. Lies in `…/lib/modules/<release>`. */
  readonly from: string;
  /** Root of the guest's layer. */
  readonly guest: string;
  /** Made for the modules that the guest needs first. */
  readonly boot: string;
  /** Path of depmod(8). */
  readonly depmod: string;
  /** Path of busybox, which unpacks modules. */
  readonly busybox: string;
}

/**
 * Copies the modules that tests load, with those that they need: of several thousand a few hundred, because looking modules up takes the
 * emulated guest long.
 *
 * @returns file names in {@link PruneOptions.boot}, in the order of insertion
 */
export async function pruneModules(options: PruneOptions): Promise<readonly string[]> {
  const { release, from, guest, depmod, busybox } = options;
  await run(depmod, ['-b', join(from, '../../..'), release]);
  const dependencies = parseModuleDependencies(readFileSync(join(from, 'modules.dep'), 'utf8'));
  const to = join(guest, 'usr/lib/modules', release);
  for (const path of withNeededModules(dependencies, wanted)) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
  }
  for (const name of readdirSync(from).filter((entry) => /^modules\.(builtin|order)/.test(entry))) {
    cpSync(join(from, name), join(to, name));
  }
  await run(depmod, ['-b', join(guest, 'usr'), release]);
  mkdirSync(options.boot);
  const names: string[] = [];
  for (const path of withNeededModules(dependencies, boot)) {
    const { stdout } = await run(busybox, ['xzcat', join(from, path)], {
      encoding: 'buffer',
      maxBuffer: 1 << 26,
    });
    const name = basename(path, '.xz');
    writeFileSync(join(options.boot, name), stdout);
    names.push(name);
  }
  return names;
}
