import { at } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import { checkLabelName } from './names.ts';

/** A condition as meta/v1 has it; times are RFC 3339. */
export interface Condition {
  type: string;
  status: string;
  observedGeneration?: number | undefined;
  lastTransitionTime?: string | undefined;
  reason: string;
  message: string;
}

const STATUSES = ['False', 'True', 'Unknown'];
const REASON = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

/** Checks a list of conditions as the real server does for meta/v1 Condition: unique types, non-empty reasons, sizes. */
export function checkConditions(
  errors: FieldErrors,
  field: string,
  conditions: readonly Condition[] | undefined,
): void {
  const seen = new Set<string>();
  conditions?.forEach((condition, index) => {
    const path = at(field, index);
    if (seen.has(condition.type)) errors.duplicate(`${path}.type`, condition.type);
    seen.add(condition.type);
    checkCondition(errors, path, condition);
  });
}

function checkCondition(errors: FieldErrors, path: string, condition: Condition): void {
  checkLabelName(errors, `${path}.type`, condition.type);
  if (!STATUSES.includes(condition.status)) {
    errors.notSupported(`${path}.status`, condition.status, STATUSES);
  }
  if ((condition.observedGeneration ?? 0) < 0) {
    errors.invalid(
      `${path}.observedGeneration`,
      condition.observedGeneration,
      'must be greater than or equal to zero',
    );
  }
  if (condition.lastTransitionTime === undefined)
    errors.required(`${path}.lastTransitionTime`, 'must be set');
  errors.maxBytes(`${path}.message`, condition.message, 32 * 1024);
  if (condition.reason === '') {
    errors.required(`${path}.reason`);
    return;
  }
  if (condition.reason.length > 1024) errors.tooLong(`${path}.reason`, 1024);
  if (!REASON.test(condition.reason)) {
    errors.invalid(
      `${path}.reason`,
      condition.reason,
      "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName',  or 'ReasonA,ReasonB',  or 'ReasonA:ReasonB', regex used for validation is '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?')",
    );
  }
}
