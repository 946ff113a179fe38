import {
  type Link,
  type LinkFeatures,
  type Neighbour,
  neighbourFlags,
  neighbourStates,
  NetlinkError,
  type RouteSocket,
  type Switches,
} from '@patchbay/netlink';
import { DeviceNotFoundError } from '../../errors/driver-errors.ts';
import { isMark } from '../link-identity.ts';
import { bootId } from './boot-id.ts';
import type { HostLinkAccess } from './host-link-access.ts';
import { linkSettings } from './link-settings.ts';
import type { LinkSnapshot } from './link-snapshot.ts';
import { snapshotNexthopObjects } from './nexthop-steps.ts';
import { withoutAddressState } from './snapshot-addresses.ts';
import { endsByItself, secondsSinceBoot } from './snapshot-lifetimes.ts';
import { kernelRoutes, snapshotRoutes } from './snapshot-routes.ts';
import { readLinkSysctls } from './snapshot-sysctls.ts';
import { listTcxPrograms } from './tcx-programs.ts';

/**
 * Takes the snapshot of a link of the host. Takes some milliseconds.
 *
 * @param socket in the host's namespace
 * @throws DeviceNotFoundError when there is no such link any more
 */
export async function takeLinkSnapshot(
  socket: RouteSocket,
  access: HostLinkAccess,
  { index, name: knownAs }: Pick<Link, 'index' | 'name'>,
): Promise<LinkSnapshot> {
  const [features, privateFlags] = await switches(access, index);
  const link = socket.link({ index });
  if (link === undefined) {
    throw new DeviceNotFoundError(knownAs, 'its link has left the host while the claim was prepared');
  }
  const { name, altnames, alias, up, mtu, address, master, bridgePort } = link;
  const addresses = socket.addresses({ linkIndex: index }).map(withoutAddressState);
  const all = socket.routes({ linkIndex: index });
  const routes = snapshotRoutes(socket, all);
  const programs = listTcxPrograms(access, index);
  return {
    bootId: bootId(),
    ...{ index, name, altnames, up, mtu },
    settings: linkSettings(link),
    ...{ features, privateFlags },
    sysctls: readLinkSysctls(access.sysctls, name),
    ...{ addresses, routes },
    kernelRoutes: kernelRoutes(all),
    nexthopObjects: snapshotNexthopObjects(socket, index),
    neighbours: [
      ...socket.neighbours({ linkIndex: index }).filter((neighbour) => isPermanent(neighbour)),
      ...socket.neighbours({ linkIndex: index, proxy: true }).filter(isProxy),
    ],
    ...identityOf(link),
    // What an interrupted return left behind is nobody's wish.
    ...(alias === undefined || isMark(alias) ? {} : { alias }),
    ...(address === undefined ? {} : { hardwareAddress: address }),
    ...(link.txQueueLength === undefined ? {} : { txQueueLength: link.txQueueLength }),
    ...(master === undefined ? {} : { master, ...masterName(socket, master) }),
    ...(bridgePort === undefined ? {} : { bridgePort }),
    ...(link.xdp === undefined ? {} : { xdp: link.xdp }),
    ...(programs === undefined ? {} : { tcxPrograms: programs.map(({ programId }) => programId) }),
    ...([...addresses, ...routes].some(endsByItself) ? { takenAt: secondsSinceBoot() } : {}),
  };
}

/** What tells the link from all others, wherever it is and whatever it is called. */
function identityOf({
  kind,
  permanentAddress,
  parentDevice,
  physicalPortName,
  parent,
  parentNamespaceId,
}: Link): Partial<LinkSnapshot> {
  return {
    ...(kind === undefined ? {} : { kind }),
    ...(permanentAddress === undefined ? {} : { permanentAddress }),
    ...(parentDevice === undefined ? {} : { parentDevice }),
    ...(physicalPortName === undefined ? {} : { physicalPort: physicalPortName }),
    ...(kind === 'veth' && parent !== undefined && parentNamespaceId === undefined ? { peer: parent } : {}),
  };
}

async function switches(access: HostLinkAccess, index: number): Promise<readonly [Switches, Switches]> {
  using ethtool = access.openEthtool();
  if (ethtool === undefined) return [{}, {}];
  try {
    return await Promise.all([ethtool.features(index).then(wantedFeatures), ethtool.privateFlags(index)]);
  } catch (error) {
    // Whoever asked for the link hears that it is gone.
    if (error instanceof NetlinkError && error.code === 'ENODEV') return [{}, {}];
    throw error;
  }
}

/** What was asked for of features that can be switched; whether they are active follows from others, too. */
export function wantedFeatures(features: LinkFeatures): Switches {
  return Object.fromEntries(
    Object.entries(features)
      .filter(([, { changeable }]) => changeable)
      .map(([name, { wanted }]) => [name, wanted]),
  );
}

function masterName(socket: RouteSocket, master: number): Pick<LinkSnapshot, 'masterName'> {
  const name = socket.link({ index: master })?.name;
  return name === undefined ? {} : { masterName: name };
}

function isPermanent({ state }: Neighbour): boolean {
  return (state & neighbourStates.permanent) !== 0;
}

/** Older kernels answer with the others, too. */
function isProxy({ flags }: Neighbour): boolean {
  return (flags & neighbourFlags.proxy) !== 0;
}
