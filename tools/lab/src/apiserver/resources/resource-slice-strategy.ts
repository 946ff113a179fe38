import { timestamp } from '../objects/kube-object.ts';
import type { Features } from '../features.ts';
import { checkResourceSliceSpec } from '../validation/resource-slice.ts';
import { resourceSlice } from './resource-slice-schema.ts';
import type { ResourceSlice, SliceDevice } from './resource-slice-schema.ts';
import type { ResourceStrategy } from './resource-strategy.ts';

/** ResourceSlices: cluster-scoped, validated against all of the API's limits. */
export const resourceSliceStrategy: ResourceStrategy<ResourceSlice> = {
  schema: resourceSlice,
  tracksGeneration: true,
  applyDefaults({ spec }) {
    for (const device of spec.devices ?? []) {
      for (const taint of device.taints ?? []) taint.timeAdded ??= timestamp();
    }
  },
  prepareForCreate(slice, { features }) {
    dropDisabledFields(slice, undefined, features);
  },
  prepareForUpdate(slice, old, _subresource, { features }) {
    dropDisabledFields(slice, old, features);
  },
  validate(errors, { spec }) {
    checkResourceSliceSpec(errors, spec);
  },
  validateUpdate(errors, { spec }, old) {
    checkResourceSliceSpec(errors, spec, old.spec);
  },
};

/** Drops what a disabled feature covers, unless the stored slice uses the feature already. */
function dropDisabledFields(slice: ResourceSlice, old: ResourceSlice | undefined, features: Features): void {
  const inUse = (uses: (device: SliceDevice) => boolean): boolean => (old?.spec.devices ?? []).some(uses);
  const drop = (clear: (device: SliceDevice) => void): void => slice.spec.devices?.forEach(clear);
  if (!features.DRADeviceTaints && !inUse(({ taints }) => (taints ?? []).length > 0)) {
    drop((device) => delete device.taints);
  }
  if (!features.DRAPartitionableDevices && old?.spec.sharedCounters === undefined && !inUse(isPartition)) {
    delete slice.spec.sharedCounters;
    delete slice.spec.perDeviceNodeSelection;
    drop((device) => {
      delete device.consumesCounters;
      delete device.nodeName;
      delete device.nodeSelector;
      delete device.allNodes;
    });
  }
  if (!features.DRADeviceBindingConditions && !inUse(hasBindingConditions)) {
    drop((device) => {
      delete device.bindsToNode;
      delete device.bindingConditions;
      delete device.bindingFailureConditions;
    });
  }
  if (!features.DRAConsumableCapacity && !inUse(isShared)) {
    drop((device) => {
      delete device.allowMultipleAllocations;
      for (const capacity of Object.values(device.capacity ?? {})) delete capacity.requestPolicy;
    });
  }
  if (!features.DRAListTypeAttributes && !inUse(hasListAttributes)) {
    drop((device) => {
      for (const attribute of Object.values(device.attributes ?? {})) {
        for (const member of ['ints', 'bools', 'strings', 'versions'] as const) delete attribute[member];
      }
    });
  }
}

function isPartition(device: SliceDevice): boolean {
  const { consumesCounters, nodeName, nodeSelector, allNodes } = device;
  return [consumesCounters, nodeName, nodeSelector, allNodes].some((member) => member !== undefined);
}

function hasBindingConditions(device: SliceDevice): boolean {
  const { bindsToNode, bindingConditions, bindingFailureConditions } = device;
  return [bindsToNode, bindingConditions, bindingFailureConditions].some((member) => member !== undefined);
}

function isShared(device: SliceDevice): boolean {
  const policies = Object.values(device.capacity ?? {}).map(({ requestPolicy }) => requestPolicy);
  return [device.allowMultipleAllocations, ...policies].some((member) => member !== undefined);
}

function hasListAttributes(device: SliceDevice): boolean {
  return Object.values(device.attributes ?? {}).some(({ ints, bools, strings, versions }) =>
    [ints, bools, strings, versions].some((member) => member !== undefined),
  );
}
