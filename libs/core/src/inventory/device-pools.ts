import type { DevicePool, DeviceTaint } from '@patchbay/dra';
import { attributeName } from '../backend/device.ts';
import type { BackendDevices } from './inventory.ts';

/** What a link without carrier does to its device: keeps new pods away, also evicts those that have it, only says so, or nothing. */
export type CarrierTaint = DeviceTaint['effect'] | 'off';

/** Name of a backend's pool on a node: a pool for each, so that one backend's changes leave the other pools' slices alone. */
export function poolName(nodeName: string, kind: string): string {
  return `${nodeName}/${kind}`;
}

/** The backend whose pool this is; undefined when it is none of the node's. */
export function kindOfPool(nodeName: string, pool: string): string | undefined {
  return pool.startsWith(`${nodeName}/`) ? pool.slice(nodeName.length + 1) : undefined;
}

/**
 * What is published of the devices. What only the driver needs to know of a device is left out; the attribute `backend` is added, and taints
 * for those that cannot be used now.
 */
export function devicePools(
  nodeName: string,
  devices: readonly BackendDevices[],
  carrierTaint: CarrierTaint = 'NoSchedule',
): DevicePool[] {
  return devices.map(({ kind, devices: ofKind }) => ({
    name: poolName(nodeName, kind),
    devices: ofKind.map(
      ({
        identity: _identity,
        links: _links,
        builtOn: _builtOn,
        interfaceName: _name,
        slotOf: _slotOf,
        carrier,
        gone,
        ...device
      }) => ({
        ...device,
        attributes: { ...device.attributes, [attributeName('backend')]: { string: kind } },
        ...tainted({ carrier, gone }, carrierTaint),
      }),
    ),
  }));
}

function tainted(
  { carrier, gone }: { readonly carrier: boolean | undefined; readonly gone: boolean | undefined },
  carrierTaint: CarrierTaint,
): { taints?: DeviceTaint[] } {
  if (gone) return { taints: [{ key: attributeName('gone'), effect: 'NoSchedule' }] };
  if (carrier !== false || carrierTaint === 'off') return {};
  return { taints: [{ key: attributeName('no-carrier'), effect: carrierTaint }] };
}
