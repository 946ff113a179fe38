import type {
  DeviceClaim,
  DeviceRequest,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
} from '../resources/resource-claim-schema.ts';
import { TAINT_EFFECTS } from './device.ts';
import { at, eachItem, eachUnique } from './field-errors.ts';
import type { FieldErrors } from './field-errors.ts';
import {
  checkDriverName,
  checkFullyQualifiedName,
  checkLabel,
  checkLabelName,
  checkLabelValue,
  checkSubdomain,
} from './names.ts';
import { checkRawJson } from './raw-json.ts';

/** Requests, constraints, configurations and selectors of one claim. */
export const MAX_ENTRIES = 32;
const MAX_ALTERNATIVES = 8;
const MAX_TOLERATIONS = 16;
const MAX_EXPRESSION_BYTES = 10 * 1024;
const MODES = ['All', 'ExactCount'];
const OPERATORS = ['Equal', 'Exists'];
const UNKNOWN_REQUEST =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** Compiles a CEL expression; returns what is wrong with it. */
export type CompileExpression = (expression: string) => string | undefined;

/** The names by which a claim's requests can be referred to: `req`, and `req/sub` for alternatives. */
export function requestNames(claim: DeviceClaim): Set<string> {
  const names = new Set<string>();
  for (const request of claim.requests ?? []) {
    names.add(request.name);
    for (const alternative of request.firstAvailable ?? []) names.add(`${request.name}/${alternative.name}`);
  }
  return names;
}

/** Checks what a claim asks for. */
export function checkDeviceClaim(
  errors: FieldErrors,
  field: string,
  claim: DeviceClaim,
  compile: CompileExpression,
): void {
  const names = requestNames(claim);
  eachUnique(
    errors,
    `${field}.requests`,
    claim.requests,
    MAX_ENTRIES,
    ({ name }) => name,
    (request, path) => checkRequest(errors, path, request, compile),
  );
  eachItem(errors, `${field}.constraints`, claim.constraints, MAX_ENTRIES, (constraint, path) => {
    checkRequestReferences(errors, `${path}.requests`, constraint.requests, names);
    const { matchAttribute, distinctAttribute } = constraint;
    if (matchAttribute !== undefined) {
      checkFullyQualifiedName(errors, `${path}.matchAttribute`, matchAttribute);
    } else if (distinctAttribute !== undefined) {
      checkFullyQualifiedName(errors, `${path}.distinctAttribute`, distinctAttribute);
    } else {
      errors.required(path, 'exactly one of "matchAttribute" or "distinctAttribute" is required');
    }
  });
  eachItem(errors, `${field}.config`, claim.config, MAX_ENTRIES, (config, path) => {
    checkRequestReferences(errors, `${path}.requests`, config.requests, names);
    checkConfiguration(errors, path, config.opaque);
  });
}

function checkRequest(
  errors: FieldErrors,
  path: string,
  request: DeviceRequest,
  compile: CompileExpression,
): void {
  checkLabel(errors, `${path}.name`, request.name);
  const alternatives = request.firstAvailable ?? [];
  const words = 'exactly one of `exactly` or `firstAvailable` is required';
  if (request.exactly === undefined && alternatives.length === 0) errors.required(path, words);
  else if (request.exactly !== undefined && alternatives.length > 0) {
    errors.invalid(path, undefined, `${words}, but multiple fields are set`);
  } else if (request.exactly !== undefined) {
    checkExact(errors, `${path}.exactly`, request.exactly, compile);
  } else {
    eachUnique(
      errors,
      `${path}.firstAvailable`,
      alternatives,
      MAX_ALTERNATIVES,
      ({ name }) => name,
      (alternative, field) => {
        checkLabel(errors, `${field}.name`, alternative.name);
        checkExact(errors, field, alternative, compile);
      },
    );
  }
}

function checkExact(
  errors: FieldErrors,
  path: string,
  request: ExactDeviceRequest | DeviceSubRequest,
  compile: CompileExpression,
): void {
  if (request.deviceClassName === '') errors.required(`${path}.deviceClassName`);
  else checkSubdomain(errors, `${path}.deviceClassName`, request.deviceClassName);
  checkSelectors(errors, `${path}.selectors`, request.selectors, compile);
  const { allocationMode: mode = '', count = 0 } = request;
  if (!MODES.includes(mode)) errors.notSupported(`${path}.allocationMode`, mode, MODES);
  else if (mode === 'All' && count !== 0) {
    errors.invalid(`${path}.count`, count, "must not be specified when allocationMode is 'All'");
  } else if (mode === 'ExactCount' && count <= 0) {
    errors.invalid(`${path}.count`, count, 'must be greater than zero');
  }
  eachItem(errors, `${path}.tolerations`, request.tolerations, MAX_TOLERATIONS, (toleration, field) =>
    checkToleration(errors, field, toleration),
  );
}

/** Checks CEL selectors of a request or class. */
export function checkSelectors(
  errors: FieldErrors,
  field: string,
  selectors: readonly { cel?: { expression: string } | undefined }[] | undefined,
  compile: CompileExpression,
): void {
  eachItem(errors, field, selectors, MAX_ENTRIES, ({ cel }, path) => {
    if (cel === undefined) {
      errors.required(`${path}.cel`);
      return;
    }
    if (Buffer.byteLength(cel.expression) > MAX_EXPRESSION_BYTES) {
      errors.tooLong(`${path}.cel.expression`, MAX_EXPRESSION_BYTES);
      return;
    }
    const problem = compile(cel.expression);
    if (problem !== undefined) errors.invalid(`${path}.cel.expression`, cel.expression, problem);
  });
}

/** Checks a toleration of device taints. */
function checkToleration(errors: FieldErrors, path: string, toleration: DeviceToleration): void {
  const { key = '', operator = '', value = '', effect = '' } = toleration;
  if (key !== '') checkLabelName(errors, `${path}.key`, key);
  if (operator === '') errors.required(`${path}.operator`);
  else if (!OPERATORS.includes(operator)) errors.notSupported(`${path}.operator`, operator, OPERATORS);
  else if (operator === 'Exists' && value !== '') {
    errors.invalid(`${path}.value`, value, 'must be empty for operator `Exists`');
  } else if (operator === 'Equal') checkLabelValue(errors, `${path}.value`, value);
  if (effect !== '' && !TAINT_EFFECTS.includes(effect)) {
    errors.notSupported(`${path}.effect`, effect, TAINT_EFFECTS);
  }
}

/** Checks a configuration for a driver. */
export function checkConfiguration(
  errors: FieldErrors,
  path: string,
  opaque: { driver: string; parameters?: unknown } | undefined,
): void {
  if (opaque === undefined) {
    errors.required(`${path}.opaque`);
    return;
  }
  checkDriverName(errors, `${path}.opaque.driver`, opaque.driver);
  checkRawJson(errors, `${path}.opaque.parameters`, opaque.parameters);
}

/** Checks references to requests of the claim: known, each once. */
export function checkRequestReferences(
  errors: FieldErrors,
  field: string,
  references: readonly string[] | undefined,
  names: ReadonlySet<string>,
): void {
  eachUnique(
    errors,
    field,
    references,
    MAX_ENTRIES,
    (name) => name,
    (name, path) => checkRequestReference(errors, path, name, names),
  );
}

/** Checks one reference to a request. */
export function checkRequestReference(
  errors: FieldErrors,
  path: string,
  name: string,
  names: ReadonlySet<string>,
): void {
  if (!names.has(name)) errors.invalid(path, name, UNKNOWN_REQUEST);
}

/** Checks the tolerations of an allocation result. */
export function checkTolerations(
  errors: FieldErrors,
  field: string,
  tolerations: readonly DeviceToleration[] | undefined,
): void {
  tolerations?.forEach((toleration, index) => checkToleration(errors, at(field, index), toleration));
}
