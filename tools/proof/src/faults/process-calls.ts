import { type ForeignFunction, loadForeignLibraries } from '@patchbay/ffi';
import { getSystemErrorName } from 'node:util';

function declareCalls() {
  const libc = loadForeignLibraries().load(null);
  const parameters = ['int64', 'int64', 'uint64', 'uint64'] as const;
  return {
    fork: libc.declare({ name: 'fork', parameters: [], result: 'int', errno: true }),
    getpid: libc.declare({ name: 'getpid', parameters: [], result: 'int' }),
    pipe: libc.declare({ name: 'pipe', parameters: ['buffer'], result: 'int', errno: true }),
    alarm: libc.declare({ name: 'alarm', parameters: ['uint'], result: 'uint' }),
    kill: libc.declare({ name: 'kill', parameters: ['int', 'int'], result: 'int', errno: true }),
    waitpid: libc.declare({
      name: 'waitpid',
      parameters: ['int', 'buffer', 'int'],
      result: 'int',
      errno: true,
    }),
    unshare: libc.declare({ name: 'unshare', parameters: ['int'], result: 'int', errno: true }),
    mount: libc.declare({
      name: 'mount',
      parameters: ['string', 'string', 'string', 'uint64', 'pointer'],
      result: 'int',
      errno: true,
    }),
    ptrace: libc.declare({ name: 'ptrace', parameters: [...parameters], result: 'int64', errno: true }),
    /** Any system call with up to six numbers. */
    syscall: libc.declare({
      name: 'syscall',
      parameters: ['int64', 'int64', 'uint64', 'uint64', 'uint64'],
      result: 'int64',
      errno: true,
    }),
    getsockopt: libc.declare({
      name: 'getsockopt',
      parameters: ['int', 'int', 'int', 'buffer', 'buffer'],
      result: 'int',
      errno: true,
    }),
  };
}

let calls: ReturnType<typeof declareCalls> | undefined;

/** The calls by which processes are made, followed and ended; declared when first used. */
export function processCalls(): ReturnType<typeof declareCalls> {
  return (calls ??= declareCalls());
}

/** Throws if a call has failed. */
export function assertDone(
  what: string,
  result: number | bigint,
  { errno }: Pick<ForeignFunction<readonly [], 'int'>, 'errno'>,
): void {
  if (Number(result) === -1) throw new Error(`${what} fails with ${getSystemErrorName(-errno)}`);
}
