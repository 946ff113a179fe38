import type { NodeSelector } from '../resources/object-schema.ts';
import { at } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import { checkLabelName } from './names.ts';

const OPERATORS = ['DoesNotExist', 'Exists', 'Gt', 'In', 'Lt', 'NotIn'];

/** Checks a node selector: at least one term, known operators, values where the operator needs them. */
export function checkNodeSelector(errors: FieldErrors, field: string, selector: NodeSelector): void {
  const terms = selector.nodeSelectorTerms;
  if (terms.length === 0) {
    errors.required(`${field}.nodeSelectorTerms`, 'must have at least one node selector term');
  }
  terms.forEach((term, index) => {
    const path = at(`${field}.nodeSelectorTerms`, index);
    term.matchExpressions?.forEach((requirement, position) => {
      const member = at(`${path}.matchExpressions`, position);
      checkLabelName(errors, `${member}.key`, requirement.key);
      checkOperator(errors, member, requirement.operator, requirement.values ?? []);
    });
    term.matchFields?.forEach((requirement, position) => {
      const member = at(`${path}.matchFields`, position);
      if (requirement.key !== 'metadata.name') {
        errors.invalid(`${member}.key`, requirement.key, 'not a valid field selector key');
      }
      checkOperator(errors, member, requirement.operator, requirement.values ?? []);
    });
  });
}

function checkOperator(errors: FieldErrors, path: string, operator: string, values: readonly string[]): void {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.forbidden(
          `${path}.values`,
          "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        );
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.required(`${path}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'");
      }
      break;
    default:
      errors.notSupported(`${path}.operator`, operator, OPERATORS);
  }
}
