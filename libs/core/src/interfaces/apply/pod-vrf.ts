import {
  linkDelete,
  linkSet,
  NetlinkError,
  routeDelete,
  routeReplace,
  type RouteSocket,
  type RouteSpec,
} from '@patchbay/netlink';
import { InterfaceConflictError } from '../../errors/driver-errors.ts';
import type { InterfaceSetup } from '../interface-setup.ts';

type Vrf = NonNullable<InterfaceSetup['vrf']>;

/** Alias of VRFs that the driver made, so that it takes no other ones away. */
const mark = 'patchbay:vrf';
/** Metric of the route that ends a VRF's table: weaker than any other (Documentation/networking/vrf.rst). */
export const endOfTableMetric = 4_278_198_272;

/**
 * Finds the VRF in a pod or makes it. It is up then: the routes of a VRF that is down do not count. Packets that no route of its table is for
 * are unreachable; the kernel would look them up in the main table otherwise.
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
  // Whoever made it may have been cut off.
  if (present.alias === mark) socket.execute(...endsOfTable(table).map(routeReplace));
  if (!present.up) socket.execute(linkSet(present.index, { up: true }));
  return present.index;
}

function create(socket: RouteSocket, { name, table }: Vrf): number {
  try {
    const { index } = socket.createLink({ name, kind: { kind: 'vrf', table }, up: true, alias: mark });
    socket.execute(...endsOfTable(table).map(routeReplace));
    return index;
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'EOPNOTSUPP')) throw error;
    throw new InterfaceConflictError(`VRF '${name}' is wanted, and this node's kernel has no VRFs`, error);
  }
}

/** Removes a VRF that the driver made, once no interface is in it. */
export function removeVrf(socket: RouteSocket, { name, table }: Vrf): void {
  const present = socket.link({ name });
  if (present?.kind !== 'vrf' || present.alias !== mark) return;
  if (socket.links().some(({ master }) => master === present.index)) return;
  for (const route of endsOfTable(table)) {
    try {
      socket.execute(routeDelete(route));
    } catch (error) {
      if (!(error instanceof NetlinkError && error.code === 'ESRCH')) throw error;
    }
  }
  socket.execute(linkDelete({ index: present.index }));
}

function endsOfTable(table: number): RouteSpec[] {
  return ['0.0.0.0/0', '::/0'].map((destination) => ({
    ...{ destination, table, type: 'unreachable', metric: endOfTableMetric },
  }));
}
