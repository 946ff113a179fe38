import { cgroupVariable } from '../cri/cri-messages.ts';
import { seriesVariable, toolsVariable } from './containerd-tools.ts';
import type { ContainerdSeries, ContainerdTools } from './containerd-tools.ts';
import { fetchContainerd } from './fetch-containerd.ts';
import { newLabCgroup, removeLabCgroup, removeStaleLabCgroups } from './lab-cgroups.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { runUntilEnd } from '../processes/run-until-end.ts';

/** How {@link runInLab} runs its command; everything has a default. */
export interface RunInLabOptions {
  /** Which runtime the lab offers; `2` by default. Fetched when missing. */
  readonly series?: ContainerdSeries;
  /** A runtime already fetched, instead of `series`. */
  readonly tools?: ContainerdTools;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory; this process's by default. */
  readonly cwd?: string;
  /** Kills the command, and with it everything in the lab. */
  readonly signal?: AbortSignal;
}

/**
 * Makes the namespaces a node of their own, then runs the command and stays as its parent:
 * - /run and what CNI writes under /var/lib go to memory;
 * - /sys shows the lab's links instead of the machine's, the cgroup file systems below it stay reachable;
 * - a shell is process 1, because it reaps the orphans that container shims leave, which most programs do not.
 */
const entrance = `
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/lock /run/lab/upper /run/lab/work
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lab/upper,workdir=/run/lab/work overlay /var/lib
mkdir /run/lab/cgroup
if mountpoint -q /sys/fs/cgroup; then mount --move /sys/fs/cgroup /run/lab/cgroup; fi
mount -t sysfs sysfs /sys
if mountpoint -q /run/lab/cgroup; then mount --move /run/lab/cgroup /sys/fs/cgroup; fi
"$LAB_BUSYBOX" ip link set lo up
unset LAB_BUSYBOX
set +e
"$@"
exit $?
`;

/**
 * Runs a command as if this machine were an empty node with a container runtime at hand: in mount, network and process namespaces of
 * its own, so that links, mounts, files under /run and processes all vanish with it, whatever happens. The command finds the runtime
 * through `enteredContainerdTools`. Needs root.
 *
 * @returns the command's exit code; 128 + signal number when it was killed
 * @throws LabUnavailableError when namespaces cannot be made
 */
export async function runInLab(command: readonly string[], options: RunInLabOptions = {}): Promise<number> {
  if (process.getuid?.() !== 0) {
    throw new LabUnavailableError('the lab needs root for namespaces and mounts', 'run it as root');
  }
  const tools = options.tools ?? (await fetchContainerd(options.series ?? '2'));
  const outerLab = process.env[cgroupVariable];
  if (outerLab === undefined) await removeStaleLabCgroups();
  const cgroup = newLabCgroup(outerLab);
  // Without its parent nobody would end the lab: unshare dies with this process, and kills the rest then.
  const namespaces = ['--mount', '--net', '--pid', '--fork', '--mount-proc', '--kill-child'];
  const shell = ['sh', '-c', entrance, 'lab', ...command];
  try {
    return await runUntilEnd(['unshare', ...namespaces, ...shell], {
      stdio: 'inherit',
      env: {
        ...process.env,
        ...options.env,
        [toolsVariable]: tools.directory,
        [seriesVariable]: tools.series,
        [cgroupVariable]: cgroup,
        LAB_BUSYBOX: tools.busybox,
      },
      cwd: options.cwd,
      signal: options.signal,
    });
  } catch (error) {
    throw new LabUnavailableError(`cannot enter the lab: ${String(error)}`, 'install util-linux', {
      cause: error,
    });
  } finally {
    const left = await removeLabCgroup(cgroup);
    if (left.length > 0) process.stderr.write(`lab: cgroups left behind: ${left.join(' ')}\n`);
  }
}
