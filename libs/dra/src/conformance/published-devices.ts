import type { Device, DevicePool } from '../slices/device.ts';
import type { ResourceSlicePublisher } from '../slices/resource-slice-publisher.ts';
import type { ResourceSlice } from '../slices/resource-slice.ts';
import { nodeName } from './conformance-rig.ts';

/** Keeps pods away from a device. */
export const taint = { key: 'example.com/down', effect: 'NoSchedule' as const };

/** A device with one attribute. */
export function device(name: string, more: Partial<Device> = {}): Device {
  return { name, attributes: { size: { int: 1 } }, ...more };
}

/** Devices `d0000`, `d0001` and so on. */
export function devices(count: number, more: Partial<Device> = {}): Device[] {
  return Array.from({ length: count }, (_, i) => device(`d${String(i).padStart(4, '0')}`, more));
}

/** A pool, that of the node unless it has another name. */
export function pool(content: readonly Device[], name = nodeName): DevicePool {
  return { name, devices: content };
}

/** Publishes pools and waits until the API server has them. */
export async function publish(
  publisher: ResourceSlicePublisher,
  ...pools: readonly DevicePool[]
): Promise<void> {
  publisher.update(pools);
  await publisher.settled();
}

/** The names of all published devices, sorted. */
export function deviceNames(slices: readonly ResourceSlice[]): string[] {
  return slices.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name)).sort();
}
