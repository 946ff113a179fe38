import { expressionProblem } from '../admission/policy-expression.ts';
import { at } from '../validation/field-errors.ts';
import type { FieldErrors } from '../validation/field-errors.ts';
import { validatingAdmissionPolicy, validatingAdmissionPolicyBinding } from './admission-policy-schema.ts';
import type {
  MatchConstraints,
  NamedExpression,
  PolicyValidation,
  ResourceRule,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from './admission-policy-schema.ts';
import type { ResourceStrategy } from './resource-strategy.ts';

const FAILURE_POLICIES = ['Fail', 'Ignore'];
const MATCH_POLICIES = ['Equivalent', 'Exact'];
const OPERATIONS = ['*', 'CREATE', 'UPDATE', 'DELETE', 'CONNECT'];
const REASONS = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
/** The others only warn or write to the audit log, which the lab has none of. */
const ACTIONS = ['Deny'];
const NOT_EVALUATED =
  'is not evaluated by the lab, and a policy must not hold for more or for less than it says';

/** ValidatingAdmissionPolicies: expressions are compiled here, so that a broken policy is refused when it is written. */
export const validatingAdmissionPolicyStrategy: ResourceStrategy<ValidatingAdmissionPolicy> = {
  schema: validatingAdmissionPolicy,
  tracksGeneration: true,
  applyDefaults({ spec }) {
    spec.failurePolicy ??= 'Fail';
    if (spec.matchConstraints !== undefined) spec.matchConstraints.matchPolicy ??= 'Equivalent';
  },
  validate: checkPolicy,
  validateUpdate: checkPolicy,
};

/** ValidatingAdmissionPolicyBindings. */
export const validatingAdmissionPolicyBindingStrategy: ResourceStrategy<ValidatingAdmissionPolicyBinding> = {
  schema: validatingAdmissionPolicyBinding,
  tracksGeneration: true,
  validate: checkBinding,
  validateUpdate: checkBinding,
};

function checkPolicy(errors: FieldErrors, { spec }: ValidatingAdmissionPolicy): void {
  const { failurePolicy = '', matchConstraints, validations = [] } = spec;
  if (!FAILURE_POLICIES.includes(failurePolicy))
    errors.notSupported('spec.failurePolicy', failurePolicy, FAILURE_POLICIES);
  if (matchConstraints === undefined) errors.required('spec.matchConstraints');
  else checkMatchConstraints(errors, 'spec.matchConstraints', matchConstraints);
  if (validations.length === 0)
    errors.required('spec.validations', 'validations or auditAnnotations must contain at least one item');
  checkNamed(errors, 'spec.matchConditions', spec.matchConditions, 'bool');
  checkNamed(errors, 'spec.variables', spec.variables, 'any');
  validations.forEach((validation, index) =>
    checkValidation(errors, at('spec.validations', index), validation),
  );
  refuse(errors, 'spec.paramKind', spec.paramKind);
  refuse(errors, 'spec.auditAnnotations', spec.auditAnnotations);
}

function checkMatchConstraints(errors: FieldErrors, path: string, constraints: MatchConstraints): void {
  const { resourceRules = [], excludeResourceRules = [], matchPolicy = '' } = constraints;
  if (!MATCH_POLICIES.includes(matchPolicy))
    errors.notSupported(`${path}.matchPolicy`, matchPolicy, MATCH_POLICIES);
  if (resourceRules.length === 0) errors.required(`${path}.resourceRules`);
  resourceRules.forEach((rule, index) => checkResourceRule(errors, at(`${path}.resourceRules`, index), rule));
  excludeResourceRules.forEach((rule, index) =>
    checkResourceRule(errors, at(`${path}.excludeResourceRules`, index), rule),
  );
  refuse(errors, `${path}.namespaceSelector`, constraints.namespaceSelector);
  refuse(errors, `${path}.objectSelector`, constraints.objectSelector);
}

function checkResourceRule(errors: FieldErrors, path: string, rule: ResourceRule): void {
  for (const member of ['operations', 'apiGroups', 'apiVersions', 'resources'] as const) {
    if (rule[member].length === 0) errors.required(`${path}.${member}`);
  }
  rule.operations.forEach((operation, index) => {
    if (!OPERATIONS.includes(operation))
      errors.notSupported(at(`${path}.operations`, index), operation, OPERATIONS);
  });
  if (rule.scope !== undefined && rule.scope !== '*') refuse(errors, `${path}.scope`, rule.scope);
}

function checkNamed(
  errors: FieldErrors,
  field: string,
  entries: readonly NamedExpression[] | undefined,
  wanted: 'bool' | 'any',
): void {
  const seen = new Set<string>();
  entries?.forEach(({ name, expression }, index) => {
    const path = at(field, index);
    if (name === '') errors.required(`${path}.name`);
    if (seen.has(name)) errors.duplicate(`${path}.name`, name);
    seen.add(name);
    checkExpression(errors, `${path}.expression`, expression, wanted);
  });
}

function checkValidation(errors: FieldErrors, path: string, validation: PolicyValidation): void {
  const { expression, messageExpression, reason } = validation;
  checkExpression(errors, `${path}.expression`, expression, 'bool');
  if (messageExpression !== undefined)
    checkExpression(errors, `${path}.messageExpression`, messageExpression, 'string');
  if (reason !== undefined && !REASONS.includes(reason))
    errors.notSupported(`${path}.reason`, reason, REASONS);
}

function checkExpression(
  errors: FieldErrors,
  field: string,
  expression: string,
  wanted: 'bool' | 'string' | 'any',
): void {
  if (expression.trim() === '') {
    errors.required(field, 'expression is not specified');
    return;
  }
  const problem = expressionProblem(expression, wanted);
  if (problem !== undefined) errors.invalid(field, expression, problem);
}

function checkBinding(errors: FieldErrors, { spec }: ValidatingAdmissionPolicyBinding): void {
  if (spec.policyName === '') errors.required('spec.policyName');
  if (spec.validationActions.length === 0) errors.required('spec.validationActions');
  spec.validationActions.forEach((action, index) => {
    if (!ACTIONS.includes(action)) errors.notSupported(at('spec.validationActions', index), action, ACTIONS);
  });
  refuse(errors, 'spec.paramRef', spec.paramRef);
  refuse(errors, 'spec.matchResources', spec.matchResources);
}

function refuse(errors: FieldErrors, field: string, value: unknown): void {
  if (value !== undefined) errors.forbidden(field, NOT_EVALUATED);
}
