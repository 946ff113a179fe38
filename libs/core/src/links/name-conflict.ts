import { NetlinkError } from '@patchbay/netlink';
import { InterfaceConflictError } from '../errors/driver-errors.ts';

/** Whether the kernel refused something because it is there already. */
export function isExists(error: unknown): boolean {
  return error instanceof NetlinkError && error.code === 'EEXIST';
}

/** Says in a pod's words that an interface's name is taken there, if that is what went wrong. */
export function nameConflict(error: unknown, name: string, purpose: string): unknown {
  if (!isExists(error)) return error;
  return new InterfaceConflictError(
    `${purpose} failed: an interface '${name}' exists there already; choose another interface.name`,
    error,
  );
}
