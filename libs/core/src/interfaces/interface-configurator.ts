import {
  addressAdd,
  addressFlags,
  type Link,
  linkSet,
  NetlinkError,
  routeAdd,
  type RouteRequest,
  type RouteSocket,
} from '@patchbay/netlink';
import { InterfaceConflictError } from '../errors/driver-errors.ts';
import type { InterfaceSetup, RouteSetup } from './interface-setup.ts';

/** One message to the kernel and what it does, for the error when the kernel refuses it. */
interface Step {
  readonly request: RouteRequest;
  readonly purpose: string;
}

/**
 * Makes a link in a pod look as its setup asks: up, addresses, routes, in one send.
 *
 * @param socket in the pod's namespace
 * @param linkIndex the link's index there
 * @throws InterfaceConflictError naming what the pod already has; NetlinkError for whatever else the kernel refuses
 */
export function configureInterface(socket: RouteSocket, linkIndex: number, setup: InterfaceSetup): void {
  execute(socket, setup.name, [
    { request: linkSet(linkIndex, { up: true }), purpose: 'bringing it up' },
    ...setup.addresses.map((address) => addressStep(linkIndex, address)),
    ...setup.routes.map((route) => routeStep(linkIndex, route)),
  ]);
}

/**
 * {@link configureInterface} for a link that may be configured already, wholly or in part: adds what is missing and leaves the rest
 * undisturbed.
 */
export function completeInterface(socket: RouteSocket, link: Link, setup: InterfaceSetup): void {
  const addresses = new Set(socket.addresses({ linkIndex: link.index }).map(({ address }) => address));
  const routes = socket.routes({ linkIndex: link.index });
  const changes = {
    ...(link.up ? {} : { up: true }),
    ...(setup.mtu === undefined || setup.mtu === link.mtu ? {} : { mtu: setup.mtu }),
    ...(setup.hardwareAddress === undefined || setup.hardwareAddress === link.address
      ? {}
      : { address: setup.hardwareAddress }),
  };
  execute(socket, setup.name, [
    ...(Object.keys(changes).length > 0
      ? [
          {
            request: linkSet(link.index, changes),
            purpose: 'bringing it up with its MTU and hardware address',
          },
        ]
      : []),
    ...setup.addresses
      .filter((address) => !addresses.has(address))
      .map((address) => addressStep(link.index, address)),
    ...setup.routes
      .filter(
        (wanted) =>
          !routes.some(
            (route) =>
              route.destination === wanted.destination &&
              route.gateway === wanted.gateway &&
              route.table === (wanted.table ?? route.table),
          ),
      )
      .map((route) => routeStep(link.index, route)),
  ]);
}

function addressStep(linkIndex: number, address: string): Step {
  return {
    // Duplicate address detection would keep an address, which the user chose, unusable for the pod's first second.
    request: addressAdd({
      linkIndex,
      address,
      ...(address.includes(':') ? { flags: addressFlags.nodad } : {}),
    }),
    purpose: `adding address ${address}`,
  };
}

function routeStep(linkIndex: number, route: RouteSetup): Step {
  const { gateway, scope, ...rest } = route;
  const via = gateway === undefined ? 'directly' : `via ${gateway}`;
  return {
    request: routeAdd({
      ...defined(rest),
      destination: route.destination,
      linkIndex,
      scope: scope ?? (gateway === undefined ? 'link' : 'global'),
      ...(gateway === undefined ? {} : { gateway }),
    }),
    purpose: `adding route ${route.destination} ${via}${route.table === undefined ? '' : ` to table ${route.table}`}`,
  };
}

function execute(socket: RouteSocket, name: string, steps: readonly Step[]): void {
  if (steps.length === 0) return;
  try {
    socket.execute(...steps.map(({ request }) => request));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    const purpose = steps[error.messageIndex]?.purpose ?? error.operation;
    const reason =
      error.code === 'EEXIST'
        ? 'the pod has the same already, from its CNI plugin or another claim; change one of the two'
        : `the kernel answered ${error.code}${error.extack === undefined ? '' : ` (${error.extack})`}`;
    throw new InterfaceConflictError(`interface '${name}' in the pod: ${purpose} failed: ${reason}`, error);
  }
}

/** Leaves out what is undefined, which exact optional properties do not accept. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}
