import { semanticallyEqual } from '../objects/canonical-json.ts';
import type { DeviceTaint, SliceAttribute, SliceDevice } from '../resources/resource-slice-schema.ts';
import { at, eachItem, eachUnique, entry } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import { checkLabel, checkLabelName, checkLabelValue, checkQualifiedName, checkSubdomain } from './names.ts';
import { checkNodeSelector } from './node-selector.ts';
import { checkRequestPolicy } from './request-policy.ts';

const MAX_ATTRIBUTES_AND_CAPACITIES = 32;
const MAX_ATTRIBUTE_VALUES = 48;
const MAX_VALUE_BYTES = 64;
const MAX_TAINTS = 16;
const MAX_CONSUMED_COUNTER_SETS = 2;
const MAX_COUNTERS = 32;
const MAX_BINDING_CONDITIONS = 4;

const NUMBER = '(0|[1-9]\\d*)';
const PRERELEASE = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const BUILD = '[0-9a-zA-Z-]+';
const SEMVER = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(-${PRERELEASE}(\\.${PRERELEASE})*)?(\\+${BUILD}(\\.${BUILD})*)?$`,
);

/** The effects that a device taint can have; `None` only informs (1.35). */
export const TAINT_EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

/** Checks one device of a slice; what did not change since `old` is not checked again where the real server does not. */
export function checkDevice(
  errors: FieldErrors,
  path: string,
  device: SliceDevice,
  old: SliceDevice | undefined,
  perDeviceNodeSelection: boolean,
): void {
  checkLabel(errors, `${path}.name`, device.name);
  checkSize(errors, path, device);
  for (const [name, attribute] of Object.entries(device.attributes ?? {})) {
    checkQualifiedName(errors, `${path}.attributes`, name);
    checkAttribute(errors, entry(`${path}.attributes`, name), attribute);
  }
  if (old === undefined || !semanticallyEqual(old.capacity, device.capacity)) {
    checkCapacity(errors, `${path}.capacity`, device);
  }
  if (old === undefined || !semanticallyEqual(old.taints, device.taints)) {
    eachItem(errors, `${path}.taints`, device.taints, MAX_TAINTS, (taint, field) =>
      checkTaint(errors, field, taint),
    );
  }
  checkConsumedCounters(errors, `${path}.consumesCounters`, device);
  checkNodes(errors, path, device, perDeviceNodeSelection);
  checkBindingConditions(errors, path, device);
}

function checkSize(errors: FieldErrors, path: string, device: SliceDevice): void {
  const attributes = Object.values(device.attributes ?? {});
  const entries = attributes.length + Object.keys(device.capacity ?? {}).length;
  if (entries > MAX_ATTRIBUTES_AND_CAPACITIES) {
    errors.invalid(
      path,
      entries,
      `the total number of attributes and capacities must not exceed ${String(MAX_ATTRIBUTES_AND_CAPACITIES)}`,
    );
  }
  const values = attributes
    .map(({ ints, bools, strings, versions }) =>
      Math.max(
        1,
        [ints, bools, strings, versions].reduce((sum, list) => sum + (list?.length ?? 0), 0),
      ),
    )
    .reduce((sum, count) => sum + count, 0);
  if (values > MAX_ATTRIBUTE_VALUES) {
    errors.invalid(
      path,
      values,
      `the total number of attribute values must not exceed ${String(MAX_ATTRIBUTE_VALUES)}`,
    );
  }
}

function checkAttribute(errors: FieldErrors, path: string, attribute: SliceAttribute): void {
  const set = Object.entries(attribute).filter(([, value]) => value !== undefined);
  if (set.length !== 1) {
    errors.invalid(path, set.length === 0 ? '' : attribute, 'exactly one value must be specified');
  }
  if (attribute.string !== undefined) errors.maxBytes(`${path}.string`, attribute.string, MAX_VALUE_BYTES);
  if (attribute.version !== undefined) checkVersion(errors, `${path}.version`, attribute.version);
  for (const [member, value] of set) {
    if (Array.isArray(value) && value.length === 0) {
      errors.invalid(`${path}.${member}`, value, 'must not be empty if specified');
    }
  }
  attribute.strings?.forEach((text, index) =>
    errors.maxBytes(at(`${path}.strings`, index), text, MAX_VALUE_BYTES),
  );
  attribute.versions?.forEach((text, index) => checkVersion(errors, at(`${path}.versions`, index), text));
}

function checkVersion(errors: FieldErrors, field: string, value: string): void {
  if (!SEMVER.test(value)) {
    errors.invalid(field, value, 'must be a string compatible with semver.org spec 2.0.0');
  }
  errors.maxBytes(field, value, MAX_VALUE_BYTES);
}

function checkCapacity(errors: FieldErrors, field: string, device: SliceDevice): void {
  for (const [name, capacity] of Object.entries(device.capacity ?? {})) {
    checkQualifiedName(errors, field, name);
    const path = `${entry(field, name)}.requestPolicy`;
    if (device.allowMultipleAllocations === true) checkRequestPolicy(errors, path, capacity);
    else if (capacity.requestPolicy !== undefined) {
      errors.forbidden(path, 'allowMultipleAllocations must be true');
    }
  }
}

function checkTaint(errors: FieldErrors, path: string, taint: DeviceTaint): void {
  checkLabelName(errors, `${path}.key`, taint.key);
  checkLabelValue(errors, `${path}.value`, taint.value ?? '');
  if (taint.effect === '') errors.required(`${path}.effect`);
  else if (!TAINT_EFFECTS.includes(taint.effect)) {
    errors.notSupported(`${path}.effect`, taint.effect, TAINT_EFFECTS);
  }
}

function checkConsumedCounters(errors: FieldErrors, field: string, device: SliceDevice): void {
  eachUnique(
    errors,
    field,
    device.consumesCounters,
    MAX_CONSUMED_COUNTER_SETS,
    ({ counterSet }) => counterSet,
    ({ counterSet, counters }, path) => {
      if (counterSet === '') errors.required(`${path}.counterSet`);
      else checkLabel(errors, `${path}.counterSet`, counterSet);
      checkCounters(errors, `${path}.counters`, counters);
    },
  );
}

/** Checks a map of counters: not empty, names are DNS labels. */
export function checkCounters(errors: FieldErrors, field: string, counters: object): void {
  const names = Object.keys(counters);
  if (names.length === 0) errors.required(field);
  else if (names.length > MAX_COUNTERS) errors.tooMany(field, names.length, MAX_COUNTERS);
  else for (const name of names) checkLabel(errors, field, name);
}

function checkNodes(errors: FieldErrors, path: string, device: SliceDevice, perDevice: boolean): void {
  const { nodeName, nodeSelector, allNodes } = device;
  const set = [
    ...(nodeName === undefined || nodeName === '' ? [] : ['`nodeName`']),
    ...(nodeSelector === undefined ? [] : ['`nodeSelector`']),
    ...(allNodes === true ? ['`allNodes`'] : []),
  ];
  if (!perDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return;
    errors.invalid(
      path,
      undefined,
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec',
    );
    return;
  }
  if (nodeName === '') errors.invalid(`${path}.nodeName`, '', 'must not be empty');
  else if (nodeName !== undefined) checkSubdomain(errors, `${path}.nodeName`, nodeName);
  if (nodeSelector !== undefined) checkNodeSelector(errors, `${path}.nodeSelector`, nodeSelector);
  if (allNodes === false) errors.invalid(`${path}.allNodes`, false, 'must be either unset or set to true');
  const words =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) errors.required(path, words);
  else if (set.length > 1) errors.invalid(path, `{${set.join(', ')}}`, words);
}

/** Checks the conditions that binding a pod waits for (KEP-5007): both lists or none, no overlap. */
export function checkBindingConditions(
  errors: FieldErrors,
  path: string,
  owner: {
    bindingConditions?: string[] | undefined;
    bindingFailureConditions?: string[] | undefined;
  },
): void {
  const { bindingConditions: wanted = [], bindingFailureConditions: failures = [] } = owner;
  for (const [member, list] of [
    ['bindingConditions', wanted],
    ['bindingFailureConditions', failures],
  ] as const) {
    eachUnique(
      errors,
      `${path}.${member}`,
      list,
      MAX_BINDING_CONDITIONS,
      (condition) => condition,
      (condition, field) => checkLabelName(errors, field, condition),
    );
  }
  failures.forEach((condition, index) => {
    if (wanted.includes(condition)) {
      errors.invalid(
        at(`${path}.bindingFailureConditions`, index),
        condition,
        'bindingFailureConditions must not overlap with bindingConditions',
      );
    }
  });
  if (wanted.length === 0 && failures.length > 0) {
    errors.invalid(
      `${path}.bindingConditions`,
      wanted,
      'bindingConditions are required to use bindingFailureConditions',
    );
  }
  if (failures.length === 0 && wanted.length > 0) {
    errors.invalid(
      `${path}.bindingFailureConditions`,
      failures,
      'bindingFailureConditions are required to use bindingConditions',
    );
  }
}
