import { filterDelete, linkSet, NetlinkError, type RouteSocket, type XdpMode } from '@patchbay/netlink';
import { InterfaceConflictError } from '../../errors/driver-errors.ts';
import type { NamespaceAccess } from './namespace-access.ts';

/**
 * Takes all eBPF programs from a link: those in filters of traffic control, those of TCX and XDP. Repeatable.
 *
 * @throws InterfaceConflictError when the kernel keeps one
 */
export function detachPrograms(socket: RouteSocket, access: NamespaceAccess, linkIndex: number): void {
  const filters = socket.filters(linkIndex).filter(({ kind }) => kind === 'bpf');
  socket.execute(...filters.map(filterDelete));
  for (const program of access.programs.tcxPrograms(linkIndex)) access.programs.detachTcx(linkIndex, program);
  const modes = Object.keys(socket.link({ index: linkIndex })?.xdp ?? {}) as XdpMode[];
  for (const mode of modes) {
    try {
      socket.execute(linkSet(linkIndex, { detachXdp: mode }));
    } catch (error) {
      if (!(error instanceof NetlinkError && error.code === 'EBUSY')) throw error;
      throw new InterfaceConflictError(
        `an XDP program (${mode}) is held on the link by the program that attached it; stop that program on the node`,
        error,
      );
    }
  }
}
