import type { DevicePool } from '@patchbay/dra';
import { attributeName } from '../backend/device.ts';
import type { BackendDevices } from './inventory.ts';

/**
 * What is published of the devices: a pool `<node>/<kind>` for each backend, so that one backend's changes leave the other pools' slices
 * alone. What only the driver needs to know of a device is left out; the attribute `backend` is added.
 */
export function devicePools(nodeName: string, devices: readonly BackendDevices[]): DevicePool[] {
  return devices.map((backend) => ({
    name: `${nodeName}/${backend.kind}`,
    devices: backend.devices.map(
      ({ identity: _identity, links: _links, interfaceName: _name, ...device }) => ({
        ...device,
        attributes: { ...device.attributes, [attributeName('backend')]: { string: backend.kind } },
      }),
    ),
  }));
}
