import { canonicalQuantity } from './quantity.ts';
import type { Device, DeviceTaint } from './device.ts';
import type { ResourceSliceSpec } from './resource-slice.ts';

/**
 * One text for everything that a slice says apart from its generation, the same for any two specs that mean the same: quantities by
 * value, times by second, empty lists and maps like missing ones, keys sorted.
 */
export function sliceContent(spec: ResourceSliceSpec): string {
  return JSON.stringify(canonical({ ...spec, pool: { ...spec.pool, generation: 0 } }, []));
}

/**
 * The devices with the `timeAdded` that the API server gave to their taints, wherever the driver names no time itself. The time is when
 * the taint appeared; rewriting the slice must not make it younger.
 */
export function keepTaintTimes(devices: readonly Device[], existing: readonly Device[]): readonly Device[] {
  const known = new Map(existing.map((device) => [device.name, device.taints ?? []]));
  return devices.map((device) => {
    if (device.taints === undefined) return device;
    const before = known.get(device.name) ?? [];
    return { ...device, taints: device.taints.map((taint) => keepTime(taint, before)) };
  });
}

/** Paths of what `sent` has and `received` lacks, with `*` for list positions and map keys that do not matter. */
export function droppedFields(sent: ResourceSliceSpec, received: ResourceSliceSpec): string[] {
  const paths = new Set<string>();
  collectDropped(canonical(sent, []), canonical(received, []), 'spec', paths);
  return [...paths].sort();
}

function keepTime(taint: DeviceTaint, before: readonly DeviceTaint[]): DeviceTaint {
  if (taint.timeAdded !== undefined) return taint;
  const same = before.find(
    ({ key, value, effect }) =>
      key === taint.key && (value ?? '') === (taint.value ?? '') && effect === taint.effect,
  );
  return same?.timeAdded === undefined ? taint : { ...taint, timeAdded: same.timeAdded };
}

function canonical(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value))
    return value.length === 0 ? undefined : value.map((item) => canonical(item, path));
  if (typeof value === 'string') return canonicalText(value, path);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, item]): [string, unknown] => [key, canonical(item, [...path, key])])
    .filter(([, item]) => item !== undefined && item !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function canonicalText(text: string, path: readonly string[]): string {
  // devices.capacity.<name>.(value | requestPolicy.…)
  if (path[0] === 'devices' && path[1] === 'capacity') return canonicalQuantity(text) ?? text;
  if (path.at(-1) === 'timeAdded') {
    const time = Date.parse(text);
    return Number.isNaN(time) ? text : String(Math.floor(time / 1000));
  }
  return text;
}

function collectDropped(sent: unknown, received: unknown, path: string, paths: Set<string>): void {
  if (sent === undefined || sent === null) return;
  if (received === undefined || received === null) {
    paths.add(path);
    return;
  }
  if (Array.isArray(sent) && Array.isArray(received)) {
    sent.forEach((item, index) => collectDropped(item, received[index], `${path}[*]`, paths));
  } else if (typeof sent === 'object' && typeof received === 'object') {
    for (const [key, item] of Object.entries(sent)) {
      collectDropped(item, (received as Record<string, unknown>)[key], `${path}.${key}`, paths);
    }
  }
}
