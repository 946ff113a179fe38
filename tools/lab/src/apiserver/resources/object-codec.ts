import type { z } from 'zod';
import { canonical, withoutNulls } from '../objects/canonical-json.ts';
import { asJson, isJsonObject } from '../objects/kube-object.ts';
import type { JsonObject, JsonValue, KubeObject } from '../objects/kube-object.ts';
import { badRequest, internalError } from '../status-error.ts';
import type { ResourceDefinition } from './resource-table.ts';
import { SAME } from './version-conversion.ts';

/** A resource in one of its versions, as a request path names it. */
export interface VersionedResource {
  readonly definition: ResourceDefinition;
  readonly version: string;
}

/** An object in the storage form, and the fields of the input that the API does not know. */
export interface Decoded {
  object: KubeObject;
  /** Paths such as `spec.devices[0].basic`; they are dropped from the object. */
  unknownFields: string[];
}

/** `group/version`, or just the version for the core group. */
export function apiVersion({ definition, version }: VersionedResource): string {
  return definition.group === '' ? version : `${definition.group}/${version}`;
}

/**
 * Reads an object that a client sent in some version: fills in kind and version, converts to the storage form,
 * drops unknown fields, makes quantities and times canonical, applies defaults. Throws 400 for what cannot be read.
 */
export function decodeObject(resource: VersionedResource, input: unknown): Decoded {
  if (!isJsonObject(input)) throw badRequest('the body of the request must be a JSON object');
  const raw = withoutNulls(input);
  const wanted = apiVersion(resource);
  const { kind } = resource.definition;
  const { kind: givenKind, apiVersion: givenVersion } = raw;
  if (givenVersion !== undefined && givenVersion !== '' && givenVersion !== wanted) {
    throw badRequest(
      `the API version in the data (${text(givenVersion)}) does not match the expected API version (${wanted})`,
    );
  }
  if (givenKind !== undefined && givenKind !== '' && givenKind !== kind) {
    throw badRequest(
      `${text(givenKind)} in version ${JSON.stringify(resource.version)} cannot be handled as a ${kind}: converting (${text(givenKind)}) to (${kind}): unknown conversion`,
    );
  }
  const conversion = resource.definition.versions[resource.version] ?? SAME;
  const typed = { ...raw, apiVersion: wanted, kind };
  const result = resource.definition.strategy.schema.safeParse(conversion.toStorage(typed));
  if (!result.success) throw badRequest(decodeFailure(kind, resource.version, result.error.issues));
  const object = result.data;
  const back = conversion.fromStorage(asJson(object));
  resource.definition.strategy.applyDefaults?.(object);
  return { object, unknownFields: unknownFields(typed, back, '') };
}

/** Writes a stored object in a version. */
export function encodeObject(resource: VersionedResource, object: KubeObject): JsonObject {
  const conversion = resource.definition.versions[resource.version] ?? SAME;
  return {
    ...conversion.fromStorage(asJson(object)),
    apiVersion: apiVersion(resource),
    kind: resource.definition.kind,
  };
}

/** Decodes what a strategy made of an object and brings it into the form in which objects are kept. */
export function storedForm(resource: VersionedResource, object: KubeObject): KubeObject {
  const result = resource.definition.strategy.schema.safeParse(canonical(asJson(object)));
  if (!result.success) {
    throw internalError(decodeFailure(resource.definition.kind, resource.version, result.error.issues));
  }
  return canonical(result.data);
}

function text(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function decodeFailure(kind: string, version: string, issues: readonly z.core.$ZodIssue[]): string {
  const [issue] = issues;
  const path = (issue?.path ?? []).filter((part) => typeof part === 'string').join('.');
  const what =
    issue?.code === 'invalid_type'
      ? `json: cannot unmarshal into Go struct field ${kind}.${path} of type ${issue.expected}: ${issue.message}`
      : `${path}: ${issue?.message ?? 'unreadable'}`;
  return `${kind} in version ${JSON.stringify(version)} cannot be handled as a ${kind}: ${what}`;
}

function unknownFields(given: JsonObject, known: JsonObject, path: string): string[] {
  return Object.entries(given).flatMap(([key, value]) => {
    const field = path === '' ? key : `${path}.${key}`;
    const counterpart = known[key];
    if (counterpart === undefined) return value === undefined ? [] : [field];
    if (isJsonObject(value) && isJsonObject(counterpart)) return unknownFields(value, counterpart, field);
    if (!Array.isArray(value) || !Array.isArray(counterpart)) return [];
    return value.flatMap((item, index) => {
      const other = counterpart[index];
      return isJsonObject(item) && isJsonObject(other)
        ? unknownFields(item, other, `${field}[${String(index)}]`)
        : [];
    });
  });
}
