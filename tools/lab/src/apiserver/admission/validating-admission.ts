import type { ServedVersions } from '../http/discovery.ts';
import type { JsonObject, KubeObject } from '../objects/kube-object.ts';
import type {
  PolicyValidation,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../resources/admission-policy-schema.ts';
import { encodeObject } from '../resources/object-codec.ts';
import { forbidden, StatusError } from '../status-error.ts';
import { LiveList } from '../store/live-list.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { admissionRequest } from './admission-request.ts';
import type { AdmissionAttributes } from './admission-request.ts';
import { celValue, evaluateExpression, PolicyExpressionError } from './policy-expression.ts';
import { matchedVersion } from './policy-match.ts';

/** HTTP status of a refusal, by the reason that a validation gives; a validation without one is "Invalid". */
const CODES: Readonly<Record<string, number>> = {
  Forbidden: 403,
  Invalid: 422,
  RequestEntityTooLarge: 413,
  Unauthorized: 401,
};
/** Policies never apply to themselves, so that a wrong one can be taken away. */
const EXEMPT_GROUP = 'admissionregistration.k8s.io';
const MAX_MESSAGE_BYTES = 5 * 1024;

interface Denial {
  readonly message: string;
  readonly reason: string;
}

/** Holds writes against the stored ValidatingAdmissionPolicies that a binding puts in force (KEP-3488). */
export class ValidatingAdmission {
  readonly #policies: LiveList<ValidatingAdmissionPolicy>;
  readonly #bindings: LiveList<ValidatingAdmissionPolicyBinding>;
  readonly #served: ServedVersions;

  constructor(store: ObjectStore, served: ServedVersions) {
    this.#policies = new LiveList(store, 'validatingadmissionpolicies.admissionregistration.k8s.io');
    this.#bindings = new LiveList(store, 'validatingadmissionpolicybindings.admissionregistration.k8s.io');
    this.#served = served;
  }

  /** Throws when a policy refuses the write: by default 422 "Invalid" with the words of a 403, as the real server does. */
  admit(attributes: AdmissionAttributes): void {
    const { definition } = attributes.request;
    if (definition.group === EXEMPT_GROUP) return;
    for (const policy of this.#policies.items) {
      const binding = this.#bindings.items.find(({ spec }) => spec.policyName === policy.metadata.name);
      const version = matchedVersion(policy.spec.matchConstraints ?? {}, attributes, this.#served);
      if (binding === undefined || version === undefined) continue;
      const denial = evaluate(policy, attributes, version);
      if (denial !== undefined) throw refusal(attributes, policy, binding, denial);
    }
  }
}

function evaluate(
  { spec }: ValidatingAdmissionPolicy,
  attributes: AdmissionAttributes,
  version: string,
): Denial | undefined {
  const values = valuesOf(spec.variables ?? [], attributes, version);
  const onError = (error: unknown): Denial | undefined => {
    if (!(error instanceof PolicyExpressionError)) throw error;
    return spec.failurePolicy === 'Ignore' ? undefined : { message: error.message, reason: 'Invalid' };
  };
  let conditionError: unknown;
  for (const { expression } of spec.matchConditions ?? []) {
    // One condition that is false settles it, whatever others fail with.
    try {
      if (evaluateExpression(expression, values) === false) return undefined;
    } catch (error) {
      conditionError ??= error;
    }
  }
  if (conditionError !== undefined) return onError(conditionError);
  for (const validation of spec.validations ?? []) {
    let denial: Denial | undefined;
    try {
      denial = hold(validation, values);
    } catch (error) {
      denial = onError(error);
    }
    if (denial !== undefined) return denial;
  }
  return undefined;
}

function hold(validation: PolicyValidation, values: Readonly<Record<string, unknown>>): Denial | undefined {
  const { expression, reason = 'Invalid' } = validation;
  if (evaluateExpression(expression, values) === true) return undefined;
  return { message: messageOf(validation, values), reason };
}

/** The first that yields something: the message's expression, the message, the failed expression itself. */
function messageOf(validation: PolicyValidation, values: Readonly<Record<string, unknown>>): string {
  const { expression, message = '', messageExpression } = validation;
  const composed = messageExpression === undefined ? '' : composedMessage(messageExpression, values);
  return composed || message.trim() || `failed expression: ${expression.trim()}`;
}

function composedMessage(expression: string, values: Readonly<Record<string, unknown>>): string {
  try {
    const result = evaluateExpression(expression, values);
    const text = typeof result === 'string' ? result.trim() : '';
    return text.includes('\n') || Buffer.byteLength(text) > MAX_MESSAGE_BYTES ? '' : text;
  } catch (error) {
    if (error instanceof PolicyExpressionError) return '';
    throw error;
  }
}

/** What expressions may use. Variables are evaluated when they are first needed, so that one that fails harms nobody else. */
function valuesOf(
  variables: readonly { readonly name: string; readonly expression: string }[],
  attributes: AdmissionAttributes,
  version: string,
): Readonly<Record<string, unknown>> {
  const { definition } = attributes.request;
  const encoded = (object: KubeObject | undefined): JsonObject | null =>
    object === undefined ? null : encodeObject({ definition, version }, object);
  const composed: Record<string, unknown> = {};
  const values = {
    object: celValue(encoded(attributes.object)),
    oldObject: celValue(encoded(attributes.oldObject)),
    request: celValue(admissionRequest(attributes, version)),
    variables: composed,
  };
  for (const { name, expression } of variables) {
    Object.defineProperty(composed, name, {
      configurable: true,
      enumerable: true,
      get: () => {
        const value = variableValue(name, expression, values);
        Object.defineProperty(composed, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return values;
}

function variableValue(name: string, expression: string, values: Readonly<Record<string, unknown>>): unknown {
  try {
    return evaluateExpression(expression, values);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new PolicyExpressionError(
      `composited variable ${JSON.stringify(name)} fails to evaluate: ${problem}`,
      {
        cause: error,
      },
    );
  }
}

function refusal(
  { request, name }: AdmissionAttributes,
  policy: ValidatingAdmissionPolicy,
  binding: ValidatingAdmissionPolicyBinding,
  { message, reason }: Denial,
): StatusError {
  const text = `ValidatingAdmissionPolicy '${policy.metadata.name ?? ''}' with binding '${binding.metadata.name ?? ''}' denied request: ${message}`;
  const { group, plural } = request.definition;
  const { status } = forbidden({ group, name: plural }, name, text);
  return new StatusError(CODES[reason] ?? 422, reason, status.message ?? text, {
    ...status.details,
    causes: [{ message: text }],
  });
}
