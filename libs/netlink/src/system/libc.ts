import { endianness } from 'node:os';
import { foreignLibraries } from './foreign-libraries.ts';

function declareFunctions() {
  if (endianness() !== 'LE')
    throw new Error(`netlink supports little-endian machines only, not ${process.arch}`);
  const libc = foreignLibraries().load(null);
  return {
    socket: libc.declare({ name: 'socket', parameters: ['int', 'int', 'int'], result: 'int', errno: true }),
    bind: libc.declare({ name: 'bind', parameters: ['int', 'buffer', 'uint'], result: 'int', errno: true }),
    setsockopt: libc.declare({
      name: 'setsockopt',
      parameters: ['int', 'int', 'int', 'buffer', 'uint'],
      result: 'int',
      errno: true,
    }),
    send: libc.declare({
      name: 'send',
      parameters: ['int', 'buffer', 'size', 'int'],
      result: 'ssize',
      errno: true,
    }),
    recv: libc.declare({
      name: 'recv',
      parameters: ['int', 'buffer', 'size', 'int'],
      result: 'ssize',
      errno: true,
    }),
    recvmmsg: libc.declare({
      name: 'recvmmsg',
      parameters: ['int', 'buffer', 'uint', 'int', 'pointer'],
      result: 'int',
      errno: true,
    }),
    ioctl: libc.declare({ name: 'ioctl', parameters: ['int', 'uint64', 'int'], result: 'int', errno: true }),
    ioctlStructure: libc.declare({
      name: 'ioctl',
      parameters: ['int', 'uint64', 'buffer'],
      result: 'int',
      errno: true,
    }),
    setns: libc.declare({ name: 'setns', parameters: ['int', 'int'], result: 'int', errno: true }),
    unshare: libc.declare({ name: 'unshare', parameters: ['int'], result: 'int', errno: true }),
    mount: libc.declare({
      name: 'mount',
      parameters: ['string', 'string', 'string', 'uint64', 'pointer'],
      result: 'int',
      errno: true,
    }),
    syscall: libc.declare({
      name: 'syscall',
      parameters: ['int64', 'int64', 'buffer', 'uint64'],
      result: 'ssize',
      errno: true,
    }),
    umount2: libc.declare({ name: 'umount2', parameters: ['string', 'int'], result: 'int', errno: true }),
  };
}

let functions: ReturnType<typeof declareFunctions> | undefined;

/** The functions of the C library that this library calls, declared when first used. */
export function libc(): ReturnType<typeof declareFunctions> {
  return (functions ??= declareFunctions());
}
