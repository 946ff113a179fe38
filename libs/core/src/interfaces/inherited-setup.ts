import { type Address, type Neighbour, type Route, routeTables } from '@patchbay/netlink';
import { routeMistakes } from './contradictions.ts';
import { ParametersInvalidError } from '../errors/driver-errors.ts';
import { hasAddressesToCome } from './schema/address-sources-schema.ts';
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
 * @throws ParametersInvalidError when routes of the one do not fit the addresses of the other
 */
export function inheritedSetup(setup: InterfaceSetup, host: HostConfiguration): InterfaceSetup {
  const { inherit, routes: given, neighbours } = setup;
  if (inherit === undefined) return setup;
  const addresses =
    inherit.addresses === true && setup.addresses.length === 0
      ? host.addresses.filter(isGlobal).map(({ address }) => address)
      : setup.addresses;
  const inherits = inherit.routes === true && given.length === 0;
  const routes = inherits ? routesOf(host, addresses, setup.vrf?.table) : given;
  // With addresses to come it is looked at again when they are there.
  const mistakes = hasAddressesToCome(setup) ? [] : routeMistakes(addresses, routes);
  if (mistakes.length > 0) {
    throw new ParametersInvalidError(
      inherits
        ? "the host's routes beside the claim's addresses"
        : "the claim's routes beside the host's addresses",
      inherits ? mistakes.map(({ message }) => ({ path: 'interface.inherit.routes', message })) : mistakes,
    );
  }
  return {
    ...setup,
    addresses,
    routes,
    ...(inherit.neighbours === true && !neighbours?.length ? { neighbours: neighboursOf(host) } : {}),
  };
}

function isGlobal({ scope }: Address): boolean {
  return scope === 'global';
}

function routesOf(
  { routes }: HostConfiguration,
  addresses: readonly string[],
  vrfTable: number | undefined,
): RouteSetup[] {
  const isOwn = (source: string) => addresses.some((address) => address.split('/')[0] === source);
  const inherited = routes
    .filter(({ type, nexthops }) => type === 'unicast' && nexthops === undefined)
    .map(({ destination, gateway, source, table, metric, mtu, onlink, scope }) => ({
      destination,
      ...(gateway === undefined ? {} : { gateway }),
      ...(source === undefined || !isOwn(source) ? {} : { source }),
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
