import type { ResourceSlice } from '../resources/resource-slice-schema.ts';
import { checkCounters, checkDevice } from './device.ts';
import { eachUnique } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import { checkDriverName, checkLabel, checkPoolName, checkSubdomain } from './names.ts';
import { checkNodeSelector } from './node-selector.ts';
import { checkImmutable } from './object-meta.ts';

/** Devices in a slice without, and with, taints, counters or list attributes. */
const MAX_DEVICES = 128;
const MAX_DEVICES_ADVANCED = 64;
const MAX_COUNTER_SETS = 8;

type Spec = ResourceSlice['spec'];

/** Checks a slice's spec; `old` is what is stored, on update. */
export function checkResourceSliceSpec(errors: FieldErrors, spec: Spec, old?: Spec): void {
  checkDriverName(errors, 'spec.driver', spec.driver);
  checkPool(errors, spec.pool);
  if (old !== undefined) {
    checkImmutable(errors, 'spec.pool.name', spec.pool.name, old.pool.name);
    checkImmutable(errors, 'spec.driver', spec.driver, old.driver);
    checkImmutable(errors, 'spec.nodeName', spec.nodeName, old.nodeName);
  }
  checkNodes(errors, spec);
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) {
    errors.invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed');
  }
  const oldDevices = new Map(old?.devices?.map((device) => [device.name, device]));
  eachUnique(
    errors,
    'spec.devices',
    spec.devices,
    usesAdvancedFeatures(spec) ? MAX_DEVICES_ADVANCED : MAX_DEVICES,
    ({ name }) => name,
    (device, path) =>
      checkDevice(errors, path, device, oldDevices.get(device.name), spec.perDeviceNodeSelection === true),
  );
  eachUnique(
    errors,
    'spec.sharedCounters',
    spec.sharedCounters,
    MAX_COUNTER_SETS,
    ({ name }) => name,
    ({ name, counters }, path) => {
      if (name === '') errors.required(`${path}.name`);
      else checkLabel(errors, `${path}.name`, name);
      checkCounters(errors, `${path}.counters`, counters);
    },
  );
}

function checkPool(errors: FieldErrors, pool: Spec['pool']): void {
  checkPoolName(errors, 'spec.pool.name', pool.name);
  if (pool.resourceSliceCount <= 0) {
    errors.invalid('spec.pool.resourceSliceCount', pool.resourceSliceCount, 'must be greater than zero');
  }
  if (pool.generation < 0) {
    errors.invalid('spec.pool.generation', pool.generation, 'must be greater than or equal to zero');
  }
}

function checkNodes(errors: FieldErrors, spec: Spec): void {
  const set: string[] = [];
  if (spec.nodeName === '') {
    errors.invalid('spec.nodeName', '', 'must be either unset or set to a non-empty string');
  } else if (spec.nodeName !== undefined) {
    set.push('`nodeName`');
    checkSubdomain(errors, 'spec.nodeName', spec.nodeName);
  }
  if (spec.nodeSelector !== undefined) {
    set.push('`nodeSelector`');
    checkNodeSelector(errors, 'spec.nodeSelector', spec.nodeSelector);
    const terms = spec.nodeSelector.nodeSelectorTerms;
    if (terms.length !== 1) {
      errors.invalid(
        'spec.nodeSelector.nodeSelectorTerms',
        terms,
        'must have exactly one node selector term',
      );
    }
  }
  for (const member of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[member] === true) set.push(`\`${member}\``);
    else if (spec[member] === false) {
      errors.invalid(`spec.${member}`, false, 'must be either unset or set to true');
    }
  }
  const words = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (set.length === 0) errors.required('spec', words);
  else if (set.length > 1) {
    errors.invalid('spec', `{${set.join(', ')}}`, `${words}, but multiple fields are set`);
  }
}

function usesAdvancedFeatures(spec: Spec): boolean {
  return (spec.devices ?? []).some(
    (device) =>
      (device.taints ?? []).length > 0 ||
      (device.consumesCounters ?? []).length > 0 ||
      Object.values(device.attributes ?? {}).some(
        ({ ints, bools, strings, versions }) =>
          ints !== undefined || bools !== undefined || strings !== undefined || versions !== undefined,
      ),
  );
}
