import { isDeepStrictEqual } from 'node:util';
import { isJsonObject } from './kube-object.ts';
import type { JsonObject, JsonValue } from './kube-object.ts';

/** Members whose content belongs to the user, not to the API's schema: kept byte for byte. */
const OPAQUE = new Set(['parameters', 'data', 'fieldsV1']);

/**
 * Removes members that are null: to the real server's decoder null and absent are the same.
 * Opaque content (driver parameters, status data) is left as it is.
 */
export function withoutNulls(value: JsonObject): JsonObject {
  return visit(value, false) as JsonObject;
}

/**
 * The form in which objects are kept and compared: no nulls, no empty lists and no empty maps, which the
 * real server's encoder leaves out (`omitempty`).
 */
export function canonical<T>(value: T): T {
  return visit(value as JsonValue, true) as T;
}

/** Whether two values are the same to the server: an empty list or map equals an absent one. */
export function semanticallyEqual(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(canonical(a), canonical(b));
}

/** Members whose type is an optional struct: `{}` there means something else than absence. */
const STRUCTS = new Set(['networkData', 'exactly', 'cel', 'opaque', 'spec', 'status', 'metadata', 'devices']);

function visit(value: JsonValue | undefined, dropEmpty: boolean): JsonValue | undefined {
  if (Array.isArray(value)) return value.map((item) => visit(item, dropEmpty) ?? null);
  if (!isJsonObject(value)) return value;
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    if (member === null || member === undefined) continue;
    if (OPAQUE.has(key)) {
      result[key] = member;
      continue;
    }
    const visited = visit(member, dropEmpty);
    if (dropEmpty && isEmpty(visited, key)) continue;
    result[key] = visited;
  }
  return result;
}

function isEmpty(value: JsonValue | undefined, key: string): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0 && !STRUCTS.has(key);
}

/** Freezes a value and everything in it, so that it can be handed out without copying. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}
