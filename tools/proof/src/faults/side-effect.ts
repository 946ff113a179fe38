import { readlinkSync, readSync } from 'node:fs';
import { relative } from 'node:path';
import { assertDone, processCalls } from './process-calls.ts';
import { calls } from './system-calls.ts';

/** A system call that a process is about to make. */
export interface PendingCall {
  readonly pid: number;
  /** Descriptor of the process's memory, `/proc/<pid>/mem`. */
  readonly memory: number;
  readonly number: number;
  readonly parameters: readonly bigint[];
}

/** Flags of open(2) by which it may make or empty a file (asm-generic/fcntl.h). */
const makes = 0o100 | 0o1000 | 0o20000000;
const atCurrentDirectory = -100;

/** `AF_NETLINK`, `SOL_SOCKET`, `SO_DOMAIN` and `SO_PROTOCOL` (asm-generic/socket.h), netlink's protocols (linux/netlink.h). */
const netlink = 16;
const solSocket = 1;
const soDomain = 39;
const soProtocol = 38;
const protocolRoute = 0;
const protocolGeneric = 16;
/** Family and `ETHTOOL_MSG_*_GET` commands of generic netlink that only ask (linux/genetlink.h, linux/ethtool_netlink.h). */
const genericControl = 16;
const ethtoolQuestions: readonly number[] = [1, 2, 4, 6, 7, 9, 11, 13, 15, 17, 19, 21, 23];

/** `bpf()` commands that only ask: for a program, for what is known of one, for those of a link, for a bpf_link (linux/bpf.h). */
const bpfQuestions: readonly number[] = [13, 15, 16, 30];

/** Calls by number whose first parameter is a path. */
const byPath = new Map<number, string>([
  [calls.mkdir, 'mkdir'],
  [calls.rmdir, 'rmdir'],
  [calls.unlink, 'unlink'],
  [calls.chmod, 'chmod'],
  [calls.umount2, 'umount'],
]);
/** Calls by number whose first parameter is a directory's descriptor and whose second is a path. */
const byPathAt = new Map<number, string>([
  [calls.mkdirat, 'mkdir'],
  [calls.unlinkat, 'unlink'],
]);
/** Calls by number whose first parameter is a descriptor. */
const byDescriptor = new Map<number, string>([
  [calls.write, 'write'],
  [calls.pwrite64, 'write'],
  [calls.writev, 'write'],
  [calls.pwritev, 'write'],
  [calls.fsync, 'fsync'],
  [calls.fdatasync, 'fsync'],
  [calls.ftruncate, 'truncate'],
  [calls.fchmod, 'chmod'],
]);
/** Calls by number with two paths, at these parameters. */
const byTwoPaths = new Map<number, readonly [what: string, from: number, to: number]>([
  [calls.rename, ['rename', 0, 1]],
  [calls.renameat, ['rename', 1, 3]],
  [calls.renameat2, ['rename', 1, 3]],
  [calls.link, ['link', 0, 1]],
  [calls.symlink, ['symlink', 0, 1]],
  [calls.mount, ['mount', 0, 1]],
]);

/**
 * Says what a system call is going to change outside of its process, such as `rename claims/a.json.tmp claims/a.json` or `netlink 16 16`
 * (the types of the messages); undefined when it changes nothing.
 *
 * @param root paths below it are told relative to it
 */
export function sideEffect(call: PendingCall, root: string): string | undefined {
  const { number } = call;
  const path = (parameter: number) => shorten(text(call, parameter), root);
  if (number === calls.openat || number === calls.open) {
    const at = number === calls.openat ? 1 : 0;
    const creates = (Number(call.parameters[at + 1]) & makes) !== 0;
    return creates ? `open ${pathAt(call, at, root)}` : undefined;
  }
  const onPath = byPath.get(number);
  if (onPath !== undefined) return `${onPath} ${path(0)}`;
  const onPathAt = byPathAt.get(number);
  if (onPathAt !== undefined) return `${onPathAt} ${pathAt(call, 1, root)}`;
  const onPaths = byTwoPaths.get(number);
  if (onPaths !== undefined) return `${onPaths[0]} ${path(onPaths[1])} ${path(onPaths[2])}`;
  const onDescriptor = byDescriptor.get(number);
  if (onDescriptor !== undefined) {
    const file = descriptorTarget(call);
    // Pipes, sockets of the process with itself, and descriptors by which threads wake each other are no files.
    return file.startsWith('/') && file !== '/dev/null'
      ? `${onDescriptor} ${shorten(file, root)}`
      : undefined;
  }
  if (number === calls.sendto) return sent(call, bytes(call, parameter(call, 1), Number(parameter(call, 2))));
  if (number === calls.bind) return boundPath(call, root);
  if (number === calls.ioctl) return ioctl(call);
  if (number === calls.bpf) {
    const command = Number(parameter(call, 0));
    return bpfQuestions.includes(command) ? undefined : `bpf ${command}`;
  }
  return `system call ${number}`;
}

function boundPath(call: PendingCall, root: string): string | undefined {
  const address = bytes(call, parameter(call, 1), Math.min(Number(parameter(call, 2)), 110));
  const local = 1;
  return address.readUInt16LE() === local
    ? `bind ${shorten(address.subarray(2).toString().split('\0')[0] ?? '', root)}`
    : undefined;
}

/** Of the requests to sockets (`SIOC*`, 0x89..), the one for a socket's namespace only asks; the others here are about namespaces' files. */
function ioctl({ parameters }: PendingCall): string | undefined {
  const request = Number(parameters[1]);
  const socketNamespace = 0x894c;
  return request >> 8 === 0x89 && request !== socketNamespace ? `ioctl 0x${request.toString(16)}` : undefined;
}

function sent(call: PendingCall, message: Buffer): string | undefined {
  const { domain, protocol } = socketKind(call);
  if (domain !== netlink) return `send to a socket of family ${domain}`;
  const types: string[] = [];
  for (let start = 0; start + 16 <= message.length;) {
    const length = message.readUInt32LE(start);
    if (length < 16) break;
    const type = message.readUInt16LE(start + 4);
    const command = message[start + 16] ?? 0;
    const name = protocol === protocolRoute ? `${type}` : `${protocol}/${command}`;
    if (!asks(protocol, type, command)) types.push(name);
    start += (length + 3) & ~3;
  }
  return types.length === 0 ? undefined : `netlink ${types.join(' ')}`;
}

function asks(protocol: number, type: number, command: number): boolean {
  // Of the four messages of each kind of object the third asks (linux/rtnetlink.h).
  if (protocol === protocolRoute) return (type & 3) === 2;
  return protocol === protocolGeneric && (type === genericControl || ethtoolQuestions.includes(command));
}

/** Asks the process's socket what it is, through a copy of its descriptor. */
function socketKind(call: PendingCall): { readonly domain: number; readonly protocol: number } {
  const pidfdOpen = 434n;
  const pidfdGetfd = 438n;
  const { syscall, getsockopt } = processCalls();
  const process = syscall.call(pidfdOpen, BigInt(call.pid), 0n, 0n, 0n);
  assertDone('opening a process', process, syscall);
  const socket = syscall.call(pidfdGetfd, process, parameter(call, 0), 0n, 0n);
  assertDone('copying a descriptor', socket, syscall);
  const option = (name: number) => {
    const value = Buffer.alloc(4);
    const length = Buffer.from([4, 0, 0, 0]);
    getsockopt.call(Number(socket), solSocket, name, value, length);
    return value.readInt32LE();
  };
  const kind = { domain: option(soDomain), protocol: option(soProtocol) };
  const close = 3n;
  syscall.call(close, socket, 0n, 0n, 0n);
  syscall.call(close, process, 0n, 0n, 0n);
  return kind;
}

function parameter({ parameters }: PendingCall, index: number): bigint {
  return parameters[index] ?? 0n;
}

function pathAt(call: PendingCall, index: number, root: string): string {
  const name = text(call, index);
  const directory = Number(BigInt.asIntN(32, parameter(call, index - 1)));
  if (name.startsWith('/') || index === 0 || directory === atCurrentDirectory) return shorten(name, root);
  return shorten(`${readlinkSync(`/proc/${call.pid}/fd/${directory}`)}/${name}`, root);
}

function descriptorTarget(call: PendingCall): string {
  return readlinkSync(`/proc/${call.pid}/fd/${Number(parameter(call, 0))}`);
}

function text(call: PendingCall, index: number): string {
  const longest = 4096;
  return bytes(call, parameter(call, index), longest).toString().split('\0')[0] ?? '';
}

function bytes({ memory }: PendingCall, address: bigint, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  if (address === 0n) return buffer.subarray(0, 0);
  // Less comes back where the next page is not there.
  return buffer.subarray(0, readSync(memory, buffer, 0, length, address));
}

function shorten(path: string, root: string): string {
  return path.startsWith(`${root}/`) ? relative(root, path) : path;
}
