import { readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { AttributeValue } from '@patchbay/dra';
import type { Link } from '@patchbay/netlink';
import { attributeName, type Device } from '../backend/device.ts';

/** Longest string value of a device attribute (resource.k8s.io/v1, `DeviceAttributeMaxValueLength`). */
const longestValue = 64;

/**
 * The attributes that every device made of a host link has: what the link is, and where it sits in the machine.
 *
 * @param sysfs where sysfs is mounted, `/sys` but in tests
 */
export function linkAttributes(link: Link, sysfs: string): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  const set = (name: string, value: string | number | boolean | undefined) => {
    if (value === undefined || value === '' || (typeof value === 'string' && value.length > longestValue))
      return;
    attributes[name] =
      typeof value === 'string'
        ? { string: value }
        : typeof value === 'number'
          ? { int: value }
          : { bool: value };
  };
  set(attributeName('ifName'), link.name);
  set(attributeName('mac'), link.address);
  set(attributeName('mtu'), link.mtu);
  set(attributeName('encapsulation'), link.encapsulation);
  set(attributeName('state'), link.operState);
  set(attributeName('linkKind'), link.kind);
  set(attributeName('alias'), link.alias);
  set(attributeName('virtual'), link.parentDevice === undefined);
  const device = hardware(link.name, sysfs);
  set(attributeName('driver'), device?.driver);
  set(attributeName('pciVendor'), device?.vendor);
  set(attributeName('pciDevice'), device?.device);
  if (link.parentDevice?.bus === 'pci') {
    set(attributeName('pciAddress'), link.parentDevice.name);
    set('resource.kubernetes.io/pciBusID', link.parentDevice.name);
    set('resource.kubernetes.io/pcieRoot', device?.pcieRoot);
  }
  if (device?.numaNode !== undefined && device.numaNode >= 0) {
    set(attributeName('numaNode'), device.numaNode);
    set('resource.kubernetes.io/numaNode', device.numaNode);
  }
  return attributes;
}

/**
 * Speed of a link in bits per second, from sysfs (Documentation/ABI/testing/sysfs-class-net).
 *
 * @returns undefined when the link is down, virtual or does not say
 */
export function linkSpeed(name: string, sysfs: string): number | undefined {
  const megabits = Number(read(join(sysfs, 'class/net', name, 'speed')));
  return Number.isFinite(megabits) && megabits > 0 ? megabits * 1_000_000 : undefined;
}

/**
 * The capacity that says how much a link can carry.
 *
 * @param bitsPerSecond see {@link linkSpeed}
 */
export function bandwidth(bitsPerSecond: number): Pick<Device, 'capacity'> {
  return { capacity: { [attributeName('bandwidth')]: { value: String(bitsPerSecond) } } };
}

/** Whether a link has a carrier, as far as that can be told: a link that is administratively down has not looked for one. */
export function linkCarrier({ up, carrier }: Link): Pick<Device, 'carrier'> {
  return up ? { carrier } : {};
}

interface Hardware {
  readonly driver: string | undefined;
  readonly vendor: string | undefined;
  readonly device: string | undefined;
  readonly numaNode: number | undefined;
  readonly pcieRoot: string | undefined;
}

function hardware(name: string, sysfs: string): Hardware | undefined {
  const folder = join(sysfs, 'class/net', name, 'device');
  let path: string;
  try {
    path = realpathSync(folder);
  } catch {
    // Software links have no device.
    return undefined;
  }
  const numaNode = read(join(folder, 'numa_node'));
  return {
    driver: linkTarget(join(folder, 'driver')),
    vendor: read(join(folder, 'vendor')),
    device: read(join(folder, 'device')),
    numaNode: numaNode === undefined ? undefined : Number(numaNode),
    pcieRoot: /\/(pci[0-9a-f]{4,}:[0-9a-f]{2})\//.exec(path)?.[1],
  };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return basename(readlinkSync(path));
  } catch {
    return undefined;
  }
}
