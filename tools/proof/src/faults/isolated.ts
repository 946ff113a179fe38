/**
 * Runs a program in network and mount namespaces of its own, where it may fork itself (see `runForked`):
 *
 *     node isolated.ts PROGRAM [PARAMETER…]
 */
import { spawnSync } from 'node:child_process';
import { assertDone, processCalls } from './process-calls.ts';
import { makeForkable } from './seccomp-filter.ts';

/** `CLONE_NEWNS` and `CLONE_NEWNET` (linux/sched.h), `MS_REC` and `MS_PRIVATE` (linux/mount.h). */
const newNamespaces = 0x0002_0000 | 0x4000_0000;
const privateMounts = 0x4000n | 0x4_0000n;

const { unshare, mount } = processCalls();
assertDone('making namespaces', unshare.call(newNamespaces), unshare);
assertDone('making mounts private', mount.call('none', '/', null, privateMounts, 0n), mount);
assertDone('mounting /sys', mount.call('sysfs', '/sys', 'sysfs', 0n, 0n), mount);
// Where the driver's state is on a node: syncing a file costs nothing there, and all is gone with the last process.
assertDone('mounting /run', mount.call('tmpfs', '/run', 'tmpfs', 0n, 0n), mount);
makeForkable();
// Whoever forks must have one thread only that runs JavaScript or collects garbage.
const { status, signal } = spawnSync(process.execPath, ['--single-threaded', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
if (status === null) throw new Error(`${process.argv[2]} ended by ${signal}`);
process.exitCode = status;
