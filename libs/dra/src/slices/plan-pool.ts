import type { DevicePool } from './device.ts';
import { divideDevices } from './divide-devices.ts';
import type { DeviceHomes } from './divide-devices.ts';
import type { ResourceSlice, ResourceSliceSpec } from './resource-slice.ts';
import { keepTaintTimes } from './slice-content.ts';

/** What has to be written for one pool, in the order in which it has to happen. */
export interface PoolPlan {
  readonly deletes: readonly ResourceSlice[];
  readonly updates: readonly { readonly existing: ResourceSlice; readonly spec: ResourceSliceSpec }[];
  readonly creates: readonly { readonly index: number; readonly spec: ResourceSliceSpec }[];
}

/** Whom the slices belong to. */
export interface SliceOwner {
  readonly driverName: string;
  readonly nodeName: string;
}

/**
 * Decides how the existing slices of a pool become the desired ones. Consumers trust a pool only when as many slices of its highest
 * generation are there as each of them says, so:
 *
 * - nothing differs: nothing is written;
 * - exactly one slice differs and none appears or disappears: that one is updated, same generation, since every state in between is
 *   consistent;
 * - anything else: a new generation, to which every slice is rewritten, so that nobody takes a half-written pool for the whole.
 *
 * @param same whether an existing slice already says what the spec says, its generation aside.
 * @param homes as for `divideDevices`.
 */
export function planPool(
  owner: SliceOwner,
  pool: DevicePool,
  existing: readonly ResourceSlice[],
  same: (existing: ResourceSlice, spec: ResourceSliceSpec) => boolean,
  homes?: DeviceHomes,
): PoolPlan {
  const highest = existing.reduce((max, { spec }) => Math.max(max, spec.pool.generation), 0);
  const assignments = divideDevices(pool.devices, existing, homes);
  const specFor = (assignment: (typeof assignments)[number], generation: number): ResourceSliceSpec => ({
    driver: owner.driverName,
    nodeName: owner.nodeName,
    pool: { name: pool.name, generation, resourceSliceCount: assignments.length },
    devices: keepTaintTimes(assignment.devices, assignment.existing?.spec.devices ?? []),
  });

  const assigned = new Set(assignments.map((assignment) => assignment.existing));
  const deletes = existing.filter((slice) => !assigned.has(slice));
  // Slices of an older generation count for nobody any more, so their disappearance changes nothing.
  const removed = deletes.some(({ spec }) => spec.pool.generation === highest);
  const added = assignments.some((assignment) => assignment.existing === undefined);
  const changed = assignments.flatMap((assignment) => {
    if (assignment.existing === undefined) return [];
    const update = { existing: assignment.existing, spec: specFor(assignment, highest) };
    const current = update.existing.spec.pool.generation === highest && same(update.existing, update.spec);
    return current ? [] : [update];
  });
  if (!removed && !added && changed.length <= 1) return { deletes, updates: changed, creates: [] };

  const rewritten = assignments.map((assignment, index) => ({
    index,
    existing: assignment.existing,
    spec: specFor(assignment, highest + 1),
  }));
  return {
    deletes,
    updates: rewritten.flatMap(({ existing, spec }) => (existing === undefined ? [] : [{ existing, spec }])),
    creates: rewritten.flatMap(({ existing, index, spec }) =>
      existing === undefined ? [{ index, spec }] : [],
    ),
  };
}
