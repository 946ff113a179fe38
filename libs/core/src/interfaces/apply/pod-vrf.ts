import { linkDelete, linkSet, NetlinkError, type RouteSocket } from '@patchbay/netlink';
import { InterfaceConflictError } from '../../errors/driver-errors.ts';
import type { InterfaceSetup } from '../interface-setup.ts';

type Vrf = NonNullable<InterfaceSetup['vrf']>;

/** Alias of VRFs that the driver made, so that it takes no other ones away. */
const mark = 'patchbay:vrf';

/**
 * Finds the VRF in a pod or makes it. It is up then: the routes of a VRF that is down do not count.
 *
 * @returns its index
 * @throws InterfaceConflictError when the name is another link's
 */
export function ensureVrf(socket: RouteSocket, { name, table }: Vrf): number {
  const present = socket.link({ name });
  if (present === undefined) return create(socket, { name, table });
  if (present.kind !== 'vrf' || present.data?.kind !== 'vrf' || present.data.table !== table) {
    const found =
      present.data?.kind === 'vrf'
        ? `a VRF with table ${present.data.table}`
        : `no VRF (${present.kind ?? 'hardware'})`;
    throw new InterfaceConflictError(
      `VRF '${name}' with table ${table} is wanted, and the pod's interface '${name}' is ${found}; choose another interface.vrf.name`,
    );
  }
  if (!present.up) socket.execute(linkSet(present.index, { up: true }));
  return present.index;
}

function create(socket: RouteSocket, { name, table }: Vrf): number {
  try {
    return socket.createLink({ name, kind: { kind: 'vrf', table }, up: true, alias: mark }).index;
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'EOPNOTSUPP')) throw error;
    throw new InterfaceConflictError(`VRF '${name}' is wanted, and this node's kernel has no VRFs`, error);
  }
}

/** Removes a VRF that the driver made, once no interface is in it. */
export function removeVrf(socket: RouteSocket, { name }: Vrf): void {
  const present = socket.link({ name });
  if (present?.kind !== 'vrf' || present.alias !== mark) return;
  if (socket.links().some(({ master }) => master === present.index)) return;
  socket.execute(linkDelete({ index: present.index }));
}
