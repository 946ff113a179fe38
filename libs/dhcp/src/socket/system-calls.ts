import type { ForeignLibraries } from '@patchbay/ffi';

/** The functions of the C library that packet sockets need, declared for one set of foreign libraries. */
export type SystemCalls = ReturnType<typeof declare>;

const declared = new WeakMap<ForeignLibraries, SystemCalls>();

/** Declares the functions, once for each set of libraries. */
export function systemCalls(libraries: ForeignLibraries): SystemCalls {
  const known = declared.get(libraries);
  if (known !== undefined) return known;
  const functions = declare(libraries);
  declared.set(libraries, functions);
  return functions;
}

function declare(libraries: ForeignLibraries) {
  const libc = libraries.load(null);
  return {
    socket: libc.declare({ name: 'socket', parameters: ['int', 'int', 'int'], result: 'int', errno: true }),
    bind: libc.declare({ name: 'bind', parameters: ['int', 'buffer', 'uint'], result: 'int', errno: true }),
    setsockopt: libc.declare({
      name: 'setsockopt',
      parameters: ['int', 'int', 'int', 'buffer', 'uint'],
      result: 'int',
      errno: true,
    }),
    sendto: libc.declare({
      name: 'sendto',
      parameters: ['int', 'buffer', 'size', 'int', 'buffer', 'uint'],
      result: 'ssize',
      errno: true,
    }),
    recvfrom: libc.declare({
      name: 'recvfrom',
      parameters: ['int', 'buffer', 'size', 'int', 'buffer', 'buffer'],
      result: 'ssize',
      errno: true,
    }),
  };
}
