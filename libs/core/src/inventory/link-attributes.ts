import type { AttributeValue } from '@patchbay/dra';
import { type Address, addressFlags, type Link } from '@patchbay/netlink';
import { attributeName, type Device } from '../backend/device.ts';
import type { LinkHardware } from './sysfs-links.ts';

/** Longest string value of a device attribute (resource.k8s.io/v1, `DeviceAttributeMaxValueLength`). */
const longestValue = 64;

/** What is known of a link beside itself. */
export interface LinkSurroundings {
  /** Absent for software links. */
  readonly hardware?: LinkHardware | undefined;
  readonly addresses?: readonly Address[] | undefined;
}

/** The attributes that every device made of a host link has: what the link is, and where it sits in the machine. */
export function linkAttributes(
  link: Link,
  { hardware, addresses = [] }: LinkSurroundings = {},
): Record<string, AttributeValue> {
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
  set(attributeName('ipv4'), firstAddress(addresses, 4));
  set(attributeName('ipv6'), firstAddress(addresses, 6));
  set(attributeName('driver'), hardware?.driver);
  set(attributeName('pciVendor'), hardware?.vendor);
  set(attributeName('pciDevice'), hardware?.device);
  set(attributeName('pciSubsystem'), hardware?.subsystem);
  set(attributeName('sriov'), hardware && hardware.totalVfs > 0);
  set(attributeName('isSriovVf'), hardware?.isVf);
  if (hardware !== undefined && hardware.totalVfs > 0) set(attributeName('sriovVfs'), hardware.totalVfs);
  if (link.parentDevice?.bus === 'pci') {
    set(attributeName('pciAddress'), link.parentDevice.name);
    set('resource.kubernetes.io/pciBusID', link.parentDevice.name);
    set('resource.kubernetes.io/pcieRoot', hardware?.pcieRoot);
  }
  if (hardware?.numaNode !== undefined && hardware.numaNode >= 0) {
    set(attributeName('numaNode'), hardware.numaNode);
    set('resource.kubernetes.io/numaNode', hardware.numaNode);
  }
  return attributes;
}

/**
 * The capacity that says how much a link can carry.
 *
 * @param bitsPerSecond see {@link SysfsLinks.speed}
 */
export function bandwidth(bitsPerSecond: number): Pick<Device, 'capacity'> {
  return { capacity: { [attributeName('bandwidth')]: { value: String(bitsPerSecond) } } };
}

/** Whether a link has a carrier, as far as that can be told: a link that is administratively down has not looked for one. */
export function linkCarrier({ up, carrier }: Link): Pick<Device, 'carrier'> {
  return up ? { carrier } : {};
}

/**
 * Addresses that come and go by themselves, or will not be usable. One whose duplicate address detection is not over is like any other: a card
 * that is back from a pod has its addresses at once.
 */
const unsteady = addressFlags.secondary | addressFlags.dadfailed | addressFlags.deprecated;

/** The address by which a link is known: global, and the same at each look whatever the order in which the kernel lists them. */
function firstAddress(addresses: readonly Address[], family: 4 | 6): string | undefined {
  const [first] = addresses
    .filter((address) => address.family === family && address.scope === 'global')
    .filter(({ flags }) => (flags & unsteady) === 0)
    .map(({ address }) => address.replace(/\/\d+$/, ''))
    .sort();
  return first;
}
