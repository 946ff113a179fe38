import type { Device } from './device.ts';
import type { ResourceSlice } from './resource-slice.ts';

/** Most devices in a slice (resource.k8s.io `ResourceSliceMaxDevices`). */
const deviceLimit = 128;
/** Most devices in a slice of which one has taints (`ResourceSliceMaxDevicesWithTaintsOrConsumesCounters`). */
const taintedDeviceLimit = 64;

/** The devices of one slice-to-be and the existing slice that is to carry them. */
export interface SliceAssignment {
  readonly existing?: ResourceSlice;
  readonly devices: readonly Device[];
}

/** UIDs of slices by the names of the devices that belong there. */
export type DeviceHomes = ReadonlyMap<string, string>;

/**
 * Divides a pool's devices over slices so that as few existing slices as possible have to change: devices stay in the slice where they
 * are, new ones fill the gaps. Only when that would leave the pool much more scattered than necessary is it packed anew. The result has
 * at least one slice, and the devices of each are sorted by name.
 *
 * @param homes where the devices were when all was well; counts more than what a slice says now, which others may have edited.
 */
export function divideDevices(
  devices: readonly Device[],
  existing: readonly ResourceSlice[],
  homes: DeviceHomes = new Map(),
): SliceAssignment[] {
  const sorted = [...devices].sort((a, b) => (a.name < b.name ? -1 : 1));
  // The newest generation first, so that leftovers of an interrupted rewrite are given up rather than it.
  const candidates = [...existing].sort(
    (a, b) => b.spec.pool.generation - a.spec.pool.generation || (a.metadata.name < b.metadata.name ? -1 : 1),
  );
  const packed = pack(sorted);
  const kept = keepPlaces(sorted, candidates, homes);
  // One slice more than necessary is tolerated: otherwise a taint that comes and goes would split and merge slices each time.
  if (kept !== undefined && kept.length <= packed.length + 1) return kept;
  return assign(packed, candidates);
}

function fits(devices: readonly Device[]): boolean {
  const tainted = devices.some(({ taints }) => (taints?.length ?? 0) > 0);
  return devices.length <= (tainted ? taintedDeviceLimit : deviceLimit);
}

function pack(devices: readonly Device[]): Device[][] {
  const slices: Device[][] = [[]];
  for (const device of devices) {
    const last = slices.at(-1) ?? [];
    if (fits([...last, device])) last.push(device);
    else slices.push([device]);
  }
  return slices;
}

function keepPlaces(
  devices: readonly Device[],
  candidates: readonly ResourceSlice[],
  homes: DeviceHomes,
): SliceAssignment[] | undefined {
  const indexes = new Map(candidates.map(({ metadata }, index) => [metadata.uid, index]));
  const places = new Map<string, number>();
  candidates.forEach(({ spec }, index) => {
    for (const { name } of spec.devices ?? []) if (!places.has(name)) places.set(name, index);
  });
  const slices = candidates.map((slice): { existing?: ResourceSlice; devices: Device[] } => ({
    existing: slice,
    devices: [],
  }));
  const homeless: Device[] = [];
  for (const device of devices) {
    const place = indexes.get(homes.get(device.name) ?? '') ?? places.get(device.name);
    const slice = place === undefined ? undefined : slices[place];
    if (slice === undefined) homeless.push(device);
    else slice.devices.push(device);
  }
  if (!slices.every((slice) => fits(slice.devices))) return undefined;
  for (const device of homeless) {
    // Slices that have devices first; an emptied one only when nothing else has room.
    const roomy = slices
      .filter((slice) => fits([...slice.devices, device]))
      .sort((a, b) => Number(a.devices.length === 0) - Number(b.devices.length === 0))[0];
    if (roomy === undefined) slices.push({ devices: [device] });
    else roomy.devices.push(device);
  }
  const used = slices.filter((slice) => slice.devices.length > 0);
  for (const slice of used) slice.devices.sort((a, b) => (a.name < b.name ? -1 : 1));
  const [first] = slices;
  return used.length > 0 ? used : [first ?? { devices: [] }];
}

/** Gives each pack to the candidate that shares most devices with it. */
function assign(packed: readonly Device[][], candidates: readonly ResourceSlice[]): SliceAssignment[] {
  const free = new Set(candidates);
  return packed.map((devices) => {
    const names = new Set(devices.map(({ name }) => name));
    let best: ResourceSlice | undefined;
    let most = -1;
    for (const slice of free) {
      const shared = (slice.spec.devices ?? []).filter(({ name }) => names.has(name)).length;
      if (shared > most) [best, most] = [slice, shared];
    }
    if (best === undefined) return { devices };
    free.delete(best);
    return { existing: best, devices };
  });
}
