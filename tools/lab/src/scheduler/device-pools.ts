import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import type { NodeSelector } from '../apiserver/resources/object-schema.ts';
import type { ResourceSlice, SliceDevice } from '../apiserver/resources/resource-slice-schema.ts';
import { onlyNode, selectsNode } from './node-selection.ts';

/** A device that a node can use. */
export interface PoolDevice {
  /** `driver/pool/device`, unique in the cluster. */
  readonly id: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: SliceDevice;
  /** On which nodes it can be used; undefined: on all. */
  readonly nodes: NodeSelector | undefined;
}

/** A pool whose devices cannot be given out, and why. */
export interface UnusablePool {
  readonly driver: string;
  readonly pool: string;
  readonly problem: string;
}

/** `driver/pool/device`. */
export function deviceId(at: { driver: string; pool: string; device: string }): string {
  return `${at.driver}/${at.pool}/${at.device}`;
}

/**
 * The devices that a node can use. Of each pool only the slices of its highest generation count, and only when all
 * of them are there and no device is in them twice.
 */
export function devicesOfNode(
  slices: readonly ResourceSlice[],
  node: KubeObject,
): { devices: PoolDevice[]; unusable: UnusablePool[] } {
  const pools = new Map<string, ResourceSlice[]>();
  for (const slice of slices) {
    const key = `${slice.spec.driver}/${slice.spec.pool.name}`;
    pools.set(key, [...(pools.get(key) ?? []), slice]);
  }
  const devices: PoolDevice[] = [];
  const unusable: UnusablePool[] = [];
  for (const members of pools.values()) {
    const generation = Math.max(...members.map(({ spec }) => spec.pool.generation));
    const current = members.filter(({ spec }) => spec.pool.generation === generation);
    const found = current.flatMap((slice) => sliceDevices(slice));
    const problem = problemOf(current, found);
    const usable = found.filter(({ nodes }) => nodes === undefined || selectsNode(nodes, node));
    if (problem === undefined) devices.push(...usable);
    else if (usable.length > 0) {
      const { driver, pool } = current[0]?.spec ?? { driver: '', pool: { name: '' } };
      unusable.push({ driver, pool: pool.name, problem });
    }
  }
  return { devices, unusable };
}

function problemOf(slices: readonly ResourceSlice[], devices: readonly PoolDevice[]): string | undefined {
  const wanted = slices[0]?.spec.pool.resourceSliceCount ?? 0;
  if (slices.some(({ spec }) => spec.pool.resourceSliceCount !== wanted) || slices.length !== wanted) {
    return `incomplete: ${String(slices.length)} of ${String(wanted)} slices`;
  }
  const ids = devices.map(({ id }) => id);
  const twice = ids.find((id, index) => ids.indexOf(id) !== index);
  return twice === undefined ? undefined : `invalid: device ${twice} is in it twice`;
}

function sliceDevices({ spec }: ResourceSlice): PoolDevice[] {
  const { driver } = spec;
  return (spec.devices ?? []).map((device) => ({
    id: deviceId({ driver, pool: spec.pool.name, device: device.name }),
    driver,
    pool: spec.pool.name,
    device,
    nodes: spec.perDeviceNodeSelection === true ? nodesOf(device) : nodesOf(spec),
  }));
}

function nodesOf(owner: {
  nodeName?: string | undefined;
  nodeSelector?: NodeSelector | undefined;
}): NodeSelector | undefined {
  return owner.nodeName === undefined ? owner.nodeSelector : onlyNode(owner.nodeName);
}
