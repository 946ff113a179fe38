import type { DeviceCapacity } from '@patchbay/dra';
import { attributeName, type Device } from '../backend/device.ts';
import { interfaceNameFor } from '../interfaces/interface-name.ts';
import { deviceName } from './device-name.ts';

/** The ways in which devices that several claims may have at once can be published. */
export const sharings = ['consumable', 'discrete'] as const;

/** How devices that several claims may have at once are published; which is possible the API server decides. */
export type Sharing = (typeof sharings)[number];

/** Capacity of which every share takes one. */
const linksCapacity = attributeName('links');

/** A device in the form, or forms, in which it is published. */
export function publishedForms(device: Device, sharing: Sharing): readonly Device[] {
  if (device.shares === undefined || device.shares <= 1) return [withoutShares(device)];
  return sharing === 'consumable' ? [sharedDevice(device)] : discreteDevices(device);
}

/**
 * One device that the scheduler may allocate several times (KEP-5075): each claim takes one of its links, and as much of its other
 * capacities as it asks for, which is nothing unless it says so.
 */
function sharedDevice(device: Device): Device {
  const shares = String(device.shares ?? 1);
  const capacities = Object.entries(device.capacity ?? {}).map(
    ([name, { value }]): [string, DeviceCapacity] => [
      name,
      { value, requestPolicy: { default: '0', validRange: { min: '0' } } },
    ],
  );
  return {
    ...withoutShares(device),
    allowMultipleAllocations: true,
    capacity: {
      ...Object.fromEntries(capacities),
      [linksCapacity]: { value: shares, requestPolicy: { default: '1', validValues: ['1'] } },
    },
  };
}

/** As many devices as the device has shares. None says how much it can carry, because they all share that. */
function discreteDevices(device: Device): Device[] {
  const { capacity: _capacity, ...rest } = withoutShares(device);
  return Array.from({ length: device.shares ?? 1 }, (_, slot) => ({
    ...rest,
    slotOf: device.name,
    name: deviceName(`${device.name}-${slot}`),
    identity: `${device.identity}/${slot}`,
    interfaceName: slotInterfaceName(device, slot),
  }));
}

/** Name of the interface in the pod for one of several links that are made of a device, when the claim asks for none. */
export function slotInterfaceName({ interfaceName, name }: Device, slot: number): string {
  return interfaceNameFor(`${interfaceName ?? name}-${slot}`);
}

function withoutShares({ shares: _shares, ...device }: Device): Device {
  return device;
}
