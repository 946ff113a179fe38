import {
  type Address,
  type Neighbour,
  type Route,
  routeTables,
  type RouteSocket,
  type Rule,
} from '@patchbay/netlink';
import type { InterfaceSetup, RouteSetup } from '../interface-setup.ts';
import { isIpv6 } from '../schema/address-schemas.ts';
import { ruleFamily } from '../schema/rule-schema.ts';

/** What a pod has of the sorts of things that an interface's setup asks for. */
export interface PodState {
  /** Of all links; empty when no address is asked for. */
  readonly addresses: readonly Address[];
  /** Of the tables and IP versions for which routes are asked. */
  readonly routes: readonly Route[];
  readonly rules: readonly Rule[];
  /** Of the interface's link. */
  readonly neighbours: readonly Neighbour[];
}

/** Reads no more than the setup asks for. */
export function readPodState(socket: RouteSocket, linkIndex: number, setup: InterfaceSetup): PodState {
  const tables = new Map(setup.routes.map((route) => [`${tableOf(route)} ${familyOf(route)}`, route]));
  return {
    addresses: setup.addresses.length > 0 ? socket.addresses() : [],
    routes: [...tables.values()].flatMap((route) =>
      socket.routes({ table: tableOf(route), family: familyOf(route) }),
    ),
    rules: [...new Set(setup.rules?.map(ruleFamily))].flatMap((family) => socket.rules({ family })),
    neighbours: setup.neighbours?.length ? socket.neighbours({ linkIndex }) : [],
  };
}

/** The table that a route goes to. */
export function tableOf({ table }: Pick<RouteSetup, 'table'>): number {
  return table ?? routeTables.main;
}

/** The IP version of a route. */
export function familyOf({ destination }: Pick<RouteSetup, 'destination'>): 4 | 6 {
  return isIpv6(destination) ? 6 : 4;
}
