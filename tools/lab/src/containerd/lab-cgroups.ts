import { existsSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

const prefix = 'patchbay-lab-';

let labs = 0;

/**
 * A cgroup for a new lab of this process, as a path below each hierarchy's root. Its name contains the process id, by which a lab that
 * nobody tidied up is recognised later.
 *
 * @param parent cgroup of the lab that this process runs in itself; empty outside of labs
 */
export function newLabCgroup(parent = ''): string {
  return `${parent}/${prefix}${String(process.pid)}-${String(labs++)}`;
}

/** Mount points of all cgroup hierarchies, v1 and v2, that this process sees. */
export function cgroupHierarchies(mountInfo = readFileSync('/proc/self/mountinfo', 'utf8')): string[] {
  const points: string[] = [];
  for (const line of mountInfo.split('\n')) {
    // The optional fields between mount point and file system type vary in number and end with a lone dash (proc(5)).
    const [mount = '', fileSystem = ''] = line.split(' - ');
    const point = mount.split(' ')[4];
    if (point !== undefined && /^cgroup2? /.test(fileSystem)) points.push(point);
  }
  return points;
}

/**
 * Removes a lab's cgroups from every hierarchy, children first. The kernel refuses to remove a cgroup that has processes, so nothing
 * that lives is touched; processes just killed keep theirs for some milliseconds more, hence the patience.
 *
 * @returns the cgroups that could not be removed in time
 */
export async function removeLabCgroup(
  cgroup: string,
  options: { readonly timeoutMs?: number; readonly hierarchies?: readonly string[] } = {},
): Promise<string[]> {
  const end = Date.now() + (options.timeoutMs ?? 3000);
  const roots = (options.hierarchies ?? cgroupHierarchies()).map((point) => join(point, cgroup));
  for (;;) {
    const left = roots.filter((root) => !removeTree(root));
    if (left.length === 0 || Date.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * Removes what labs left behind that were killed together with the process that would have tidied up. Not for use inside a lab, where
 * process ids mean something else.
 */
export async function removeStaleLabCgroups(): Promise<void> {
  const stale = new Set<string>();
  for (const point of cgroupHierarchies()) {
    for (const name of readdirSync(point)) {
      if (!name.startsWith(prefix)) continue;
      const owner = name.slice(prefix.length).split('-')[0] ?? '';
      if (!existsSync(`/proc/${owner}`)) stale.add(`/${name}`);
    }
  }
  for (const cgroup of stale) await removeLabCgroup(cgroup, { timeoutMs: 0 });
}

function removeTree(directory: string): boolean {
  let children;
  try {
    children = readdirSync(directory, { withFileTypes: true });
  } catch {
    return true;
  }
  // The files of a cgroup are the kernel's and vanish with it.
  for (const child of children) if (child.isDirectory()) removeTree(join(directory, child.name));
  try {
    rmdirSync(directory);
    return true;
  } catch {
    return !existsSync(directory);
  }
}
