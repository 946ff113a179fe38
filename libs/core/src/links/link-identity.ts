import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Link, RouteSocket } from '@patchbay/netlink';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';

/**
 * The alias that a software link carries while it is away from the host. Hardware is known by its device or its permanent address; a veth or
 * macvlan link has neither, its index may change when it moves, and its name and MAC address are the pod's to choose.
 */
export function travelMark(snapshot: LinkSnapshot): string | undefined {
  return isHardware(snapshot) ? undefined : returnMark(snapshot);
}

/** The alias that any link carries from its return to the host until it is restored: a driver that dies in between leaves work for the next. */
export function returnMark({ kind, index, hardwareAddress }: LinkSnapshot): string {
  return `${markPrefix}${kind ?? 'link'}/${index}/${hardwareAddress ?? ''}`;
}

/** Whether an alias is a mark of a driver and not an administrator's text. */
export function isMark(alias: string): boolean {
  return alias.startsWith(markPrefix);
}

const markPrefix = 'patchbay:';

/**
 * Finds the snapshot's link on the host, where it may not have left yet.
 *
 * @param host a socket in the host's namespace
 */
export function findOnHost(host: RouteSocket, snapshot: LinkSnapshot): Link | undefined {
  const atIndex = host.link({ index: snapshot.index });
  if (atIndex !== undefined && (isTravelled(snapshot, atIndex) || isUntouched(snapshot, atIndex)))
    return atIndex;
  return host.links().find((link) => isTravelled(snapshot, link));
}

/** By what a link that was moved into a pod is found there, besides what it has kept. */
export interface Clues {
  /** The hardware address that the claim asked for, if it did. */
  readonly hardwareAddress?: string | undefined;
  /** Tells the number by which the pod's namespace knows the host's. */
  hostNamespaceId(): number | undefined;
}

/**
 * Finds the snapshot's link in a pod's namespace. A software link that has lost its mark there is recognised by the other end that it has on
 * the host, or by its kind and one of the hardware addresses that it has had.
 */
export function findInPod(pod: RouteSocket, snapshot: LinkSnapshot, clues: Clues): Link | undefined {
  const atIndex = pod.link({ index: snapshot.index });
  if (atIndex !== undefined && isTravelled(snapshot, atIndex)) return atIndex;
  const links = pod.links();
  return (
    links.find((link) => isTravelled(snapshot, link)) ??
    (isHardware(snapshot)
      ? undefined
      : (links.find((link) => hasPeerOf(snapshot, link, clues)) ??
        links.find((link) => hasAddressOf(snapshot, link, clues))))
  );
}

/**
 * Finds a software link of which its pod has changed all that {@link findInPod} knows it by, where it was attached. The last resort: not while the
 * host has the link, for by then a pod may have another one of the kind and index.
 *
 * @param linkIndex the index that it had when it was attached, if that is known
 */
export function findByIndex(
  pod: RouteSocket,
  host: RouteSocket,
  snapshot: LinkSnapshot,
  linkIndex: number | undefined,
): Link | undefined {
  if (linkIndex === undefined || isHardware(snapshot)) return undefined;
  const link = pod.link({ index: linkIndex });
  return link?.kind === snapshot.kind && findOnHost(host, snapshot) === undefined ? link : undefined;
}

/** A veth's other end is its own whatever the pod makes of this one. */
function hasPeerOf(snapshot: LinkSnapshot, link: Link, { hostNamespaceId }: Clues): boolean {
  return (
    snapshot.peer !== undefined &&
    link.kind === snapshot.kind &&
    link.parent === snapshot.peer &&
    link.parentNamespaceId !== undefined &&
    link.parentNamespaceId === hostNamespaceId()
  );
}

function hasAddressOf(snapshot: LinkSnapshot, link: Link, { hardwareAddress }: Clues): boolean {
  return (
    link.kind === snapshot.kind &&
    link.address !== undefined &&
    [snapshot.hardwareAddress, hardwareAddress].includes(link.address)
  );
}

/** Whether the machine still has the device that a link was the interface of, wherever the link is; false for software links. */
export function deviceExists({ parentDevice }: LinkSnapshot, sysfs = '/sys'): boolean {
  return (
    parentDevice !== undefined &&
    existsSync(join(sysfs, 'bus', parentDevice.bus, 'devices', parentDevice.name))
  );
}

function isHardware(snapshot: LinkSnapshot): boolean {
  return (
    snapshot.parentDevice !== undefined ||
    (snapshot.permanentAddress !== undefined && snapshot.kind === undefined)
  );
}

/** Whether the link is the snapshot's by what it keeps wherever it goes. */
function isTravelled(snapshot: LinkSnapshot, link: Link): boolean {
  if (!isHardware(snapshot)) return link.alias !== undefined && link.alias === travelMark(snapshot);
  return (
    link.parentDevice?.bus === snapshot.parentDevice?.bus &&
    link.parentDevice?.name === snapshot.parentDevice?.name &&
    // One PCI function may carry several ports, and have representors of others.
    link.permanentAddress === snapshot.permanentAddress &&
    (snapshot.physicalPort === undefined || link.physicalPortName === snapshot.physicalPort)
  );
}

function isUntouched(snapshot: LinkSnapshot, link: Link): boolean {
  return (
    link.index === snapshot.index && link.kind === snapshot.kind && link.address === snapshot.hardwareAddress
  );
}
