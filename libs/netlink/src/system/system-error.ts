import { constants } from 'node:os';

const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
// Linux numbers that Node.js does not name.
for (const [number, name] of [
  [95, 'EOPNOTSUPP'],
  [524, 'ENOTSUPP'],
] as const) {
  names.set(number, name);
}

/** The symbol of an error number: `EEXIST` for 17; `E<number>` when it has none. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`;
}

/** A call of the C library failed. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  /** Function and object, such as `setns /run/netns/a`. */
  readonly operation: string;
  readonly errno: number;
  /** Symbol of errno, such as `EPERM`. */
  readonly code: string;

  constructor(operation: string, errno: number) {
    const code = errnoName(errno);
    const remedy =
      code === 'EPERM'
        ? '; the process needs CAP_NET_ADMIN and CAP_SYS_ADMIN, and CAP_NET_BROADCAST to hear other namespaces'
        : '';
    super(`${operation} failed: ${code}${remedy}`);
    this.operation = operation;
    this.errno = errno;
    this.code = code;
  }
}
