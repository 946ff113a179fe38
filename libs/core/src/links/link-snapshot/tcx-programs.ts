import { SystemCallError, type TcxProgram } from '@patchbay/netlink';
import type { HostLinkAccess } from './host-link-access.ts';

/** A process without CAP_BPF may not list them; an old kernel has no such call. */
const unlistable: readonly string[] = ['EPERM', 'ENOSYS', 'EINVAL'];

/** The TCX programs of a link; undefined where they cannot be listed, and are then nobody's business. */
export function listTcxPrograms(
  { programs }: Pick<HostLinkAccess, 'programs'>,
  linkIndex: number,
): readonly TcxProgram[] | undefined {
  try {
    return programs.tcxPrograms(linkIndex);
  } catch (error) {
    if (error instanceof SystemCallError && [...unlistable, 'ENODEV'].includes(error.code)) return undefined;
    throw error;
  }
}

/**
 * Takes from a link the TCX programs that it has got in the pod: they go with it to other namespaces, unlike filters of traffic control.
 *
 * @param known numbers of those that the host had on it
 * @returns numbers of those that the host had on it and that are gone
 */
export function detachStrangeTcx(
  access: Pick<HostLinkAccess, 'programs'>,
  linkIndex: number,
  known: readonly number[],
): readonly number[] {
  const now = listTcxPrograms(access, linkIndex) ?? [];
  for (const program of now) {
    if (!known.includes(program.programId)) access.programs.detachTcx(linkIndex, program);
  }
  return known.filter((id) => !now.some(({ programId }) => programId === id));
}
