import type { DeviceHealth } from '@patchbay/dra';
import type { BackendDevices } from './inventory.ts';
import { poolName } from './device-pools.ts';

/** How well each device works, for the kubelet, which tells the pods that use it. */
export function deviceHealth(nodeName: string, devices: readonly BackendDevices[]): DeviceHealth[] {
  return devices.flatMap(({ kind, devices: ofKind }) =>
    ofKind.map(({ name, carrier, gone }): DeviceHealth => {
      const device = { pool: poolName(nodeName, kind), device: name };
      if (gone) return { ...device, health: 'unhealthy', message: 'its link is gone' };
      if (carrier === false) {
        return { ...device, health: 'unhealthy', message: 'its link has no carrier: check cable and peer' };
      }
      return { ...device, health: 'healthy' };
    }),
  );
}
