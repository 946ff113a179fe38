import type { CapacityRequestPolicy, SliceCapacity } from '../resources/resource-slice-schema.ts';
import { at } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import { Quantity } from './quantity.ts';

/** Options that `validValues` may list. */
const MAX_VALUES = 10;

/** Checks how shares of a capacity may be requested (KEP-5075): the default, the list or the range of values. */
export function checkRequestPolicy(errors: FieldErrors, field: string, capacity: SliceCapacity): void {
  const policy = capacity.requestPolicy;
  if (policy === undefined) return;
  const values = policy.validValues ?? [];
  if (values.length > 0 && policy.validRange !== undefined) {
    errors.forbidden(
      field,
      'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time',
    );
  } else if (values.length > 0) {
    if (policy.default === undefined) {
      errors.required(`${field}.default`, 'required when validValues is defined');
    } else {
      checkValues(errors, `${field}.validValues`, values, policy.default, Quantity.parse(capacity.value));
    }
  } else if (policy.validRange !== undefined) {
    if (policy.default === undefined) {
      errors.required(`${field}.default`, 'required when validRange is defined');
    } else {
      const maximum = Quantity.parse(capacity.value);
      checkRange(errors, `${field}.validRange`, policy.validRange, Quantity.parse(policy.default), maximum);
    }
  }
}

function checkValues(
  errors: FieldErrors,
  field: string,
  texts: readonly string[],
  defaultText: string,
  maximum: Quantity,
): void {
  if (texts.length > MAX_VALUES) {
    errors.tooMany(field, texts.length, MAX_VALUES);
    return;
  }
  const values = texts.map((text) => Quantity.parse(text));
  const wanted = Quantity.parse(defaultText);
  values.forEach((value, index) => {
    const previous = values[index - 1];
    if (previous !== undefined && previous.compare(value) > 0) {
      errors.invalid(at(field, index), String(value), 'values must be sorted in ascending order');
    }
    if (value.compare(maximum) > 0) {
      errors.invalid(
        at(field, index),
        String(value),
        `option is larger than capacity value: ${String(maximum)}`,
      );
    }
    if (values.slice(0, index).some((other) => other.compare(value) === 0)) {
      errors.duplicate(at(field, index), String(value));
    }
  });
  if (!values.some((value) => value.compare(wanted) === 0)) {
    errors.invalid(field, defaultText, 'default value is not valid according to the requestPolicy');
  }
}

function checkRange(
  errors: FieldErrors,
  field: string,
  range: NonNullable<CapacityRequestPolicy['validRange']>,
  wanted: Quantity,
  maximum: Quantity,
): void {
  if (range.min === undefined) {
    errors.required(`${field}.min`, 'required when validRange is defined');
    return;
  }
  const min = Quantity.parse(range.min);
  if (min.compare(maximum) > 0) {
    errors.invalid(`${field}.min`, range.min, `min is larger than capacity value: ${String(maximum)}`);
  }
  if (wanted.compare(min) < 0) {
    errors.invalid(`${field}.default`, String(wanted), `default is less than min: ${range.min}`);
  }
  const max = range.max === undefined ? undefined : Quantity.parse(range.max);
  if (max !== undefined) {
    if (min.compare(max) > 0)
      errors.invalid(`${field}.max`, range.min, `min is larger than max: ${String(max)}`);
    if (max.compare(maximum) > 0) {
      errors.invalid(`${field}.max`, String(max), `max is larger than capacity value: ${String(maximum)}`);
    }
    if (wanted.compare(max) > 0) {
      errors.invalid(`${field}.default`, String(wanted), `default is more than max: ${String(max)}`);
    }
  }
  if (range.step === undefined) return;
  const step = Quantity.parse(range.step);
  if (step.nano <= 0n) {
    errors.invalid(`${field}.step`, range.step, 'must be greater than zero');
    return;
  }
  if (min.plus(step).compare(maximum) > 0) {
    errors.invalid(
      `${field}.step`,
      range.step,
      `one step ${String(min.plus(step))} is larger than capacity value: ${String(maximum)}`,
    );
  }
  for (const value of max === undefined ? [wanted] : [wanted, max]) {
    if (value.minus(min).nano % step.nano !== 0n) {
      errors.invalid(
        `${field}.step`,
        String(value),
        `value is not a multiple of a given step (${range.step}) from (${range.min})`,
      );
    }
  }
}
