/**
 * Runs a program in network and mount namespaces of its own, where it may fork itself (see `runForked`):
 *
 *     node isolated.ts [--leases] PROGRAM [PARAMETER…]
 *
 * `--leases` has a DHCP server beside it, see {@link serveLeases}. It is no child of the program's: who follows a copy of itself hears of
 * the copy as of any child, and so would the copy, again and again.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { serveLeases } from '../host/lease-network.ts';
import { assertDone, processCalls } from './process-calls.ts';
import { makeForkable } from './seccomp-filter.ts';

/** `CLONE_NEWNS` and `CLONE_NEWNET` (linux/sched.h), `MS_REC` and `MS_PRIVATE` (linux/mount.h). */
const newNamespaces = 0x0002_0000 | 0x4000_0000;
const privateMounts = 0x4000n | 0x4_0000n;

const parameters = process.argv.slice(2);
const withLeases = parameters[0] === '--leases';
const command = withLeases ? parameters.slice(1) : parameters;

const { unshare, mount } = processCalls();
assertDone('making namespaces', unshare.call(newNamespaces), unshare);
assertDone('making mounts private', mount.call('none', '/', null, privateMounts, 0n), mount);
assertDone('mounting /sys', mount.call('sysfs', '/sys', 'sysfs', 0n, 0n), mount);
// Where the driver's state is on a node: syncing a file costs nothing there, and all is gone with the last process.
assertDone('mounting /run', mount.call('tmpfs', '/run', 'tmpfs', 0n, 0n), mount);
const server = withLeases ? await serveLeases() : undefined;
makeForkable();
// Whoever forks must have one thread only that runs JavaScript or collects garbage.
const child = spawn(process.execPath, ['--single-threaded', ...command], { stdio: 'inherit' });
const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
await server?.destroy();
if (status === null) throw new Error(`${command[0]} ended by ${signal}`);
process.exit(status);
