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
  const { addresses, routes, rules = nothing, neighbours = nothing } = setup;
  return {
    addresses: addresses.length > 0 ? socket.addresses() : nothing,
    routes: routes.length > 0 ? readRoutes(socket, routes) : nothing,
    rules:
      rules.length > 0
        ? [...new Set(rules.map(ruleFamily))].flatMap((family) => socket.rules({ family }))
        : nothing,
    neighbours: neighbours.length > 0 ? socket.neighbours({ linkIndex }) : nothing,
  };
}

const nothing: readonly never[] = [];

function readRoutes(socket: RouteSocket, routes: readonly RouteSetup[]): Route[] {
  const read: Route[] = [];
  const seen = new Set<string>();
  for (const route of routes) {
    const table = tableOf(route);
    const family = familyOf(route);
    const key = `${table} ${family}`;
    if (seen.has(key)) continue;
    seen.add(key);
    read.push(...socket.routes({ table, family }));
  }
  return read;
}

/** The table that a route goes to. */
export function tableOf({ table }: Pick<RouteSetup, 'table'>): number {
  return table ?? routeTables.main;
}

/** The IP version of a route. */
export function familyOf({ destination }: Pick<RouteSetup, 'destination'>): 4 | 6 {
  return isIpv6(destination) ? 6 : 4;
}
