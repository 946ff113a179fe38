import { type Address, type Neighbour, type Route, routeTables } from '@patchbay/netlink';
import { routeMistakes } from './contradictions.ts';
import { ParametersInvalidError } from '../errors/driver-errors.ts';
import type { InterfaceSetup, RouteSetup } from './interface-setup.ts';

/** What a link had on the host. */
export interface HostConfiguration {
  readonly addresses: readonly Address[];
  readonly routes: readonly Pick<
    Route,
    | 'destination'
    | 'gateway'
    | 'source'
    | 'table'
    | 'metric'
    | 'mtu'
    | 'onlink'
    | 'type'
    | 'nexthops'
    | 'scope'
  >[];
  readonly neighbours: readonly Neighbour[];
}

/**
 * Fills in from the host what a setup asks to inherit and its claim gives none of. Leased addresses become permanent ones: nobody in the pod
 * renews the host's lease, and the kernel would take them away in mid-operation. Routes of several ways are left out.
 *
 * @throws ParametersInvalidError when the claim's routes do not fit the addresses
 */
export function inheritedSetup(setup: InterfaceSetup, host: HostConfiguration): InterfaceSetup {
  const { inherit, addresses, routes, neighbours } = setup;
  if (inherit === undefined) return setup;
  const inherited: InterfaceSetup = {
    ...setup,
    ...(inherit.addresses === true && addresses.length === 0
      ? { addresses: host.addresses.filter(isGlobal).map(({ address }) => address) }
      : {}),
    ...(inherit.routes === true && routes.length === 0 ? { routes: routesOf(host, setup.vrf?.table) } : {}),
    ...(inherit.neighbours === true && !neighbours?.length ? { neighbours: neighboursOf(host) } : {}),
  };
  const mistakes = routes.length > 0 ? routeMistakes(inherited.addresses, routes) : [];
  if (mistakes.length > 0) throw new ParametersInvalidError('routes beside inherited addresses', mistakes);
  return inherited;
}

function isGlobal({ scope }: Address): boolean {
  return scope === 'global';
}

function routesOf({ routes }: HostConfiguration, vrfTable: number | undefined): RouteSetup[] {
  const inherited = routes
    .filter(({ type, nexthops }) => type === 'unicast' && nexthops === undefined)
    .map(({ destination, gateway, source, table, metric, mtu, onlink, scope }) => ({
      destination,
      ...(gateway === undefined ? {} : { gateway }),
      ...(source === undefined ? {} : { source }),
      ...(table === routeTables.main ? (vrfTable === undefined ? {} : { table: vrfTable }) : { table }),
      ...(metric === undefined ? {} : { metric }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(onlink === true && gateway !== undefined ? { onlink } : {}),
      ...(scope === 'link' || scope === 'host' ? { scope } : {}),
    }));
  const isDirect = ({ gateway }: RouteSetup) => gateway === undefined;
  return [...inherited.filter(isDirect), ...inherited.filter((route) => !isDirect(route))];
}

/** `NUD_PERMANENT`: a neighbour that somebody configured (linux/neighbour.h). */
const permanent = 0x80;

function neighboursOf({ neighbours }: HostConfiguration): NonNullable<InterfaceSetup['neighbours']> {
  return neighbours.flatMap(({ address, linkAddress, state }) =>
    linkAddress === undefined || (state & permanent) === 0 ? [] : [{ address, hardwareAddress: linkAddress }],
  );
}
