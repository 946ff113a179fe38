import { isJsonObject } from '../objects/kube-object.ts';
import type { JsonObject, JsonValue } from '../objects/kube-object.ts';

/** JSON merge patch (RFC 7386): members replace, null removes, objects merge, lists are values. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const result: JsonObject = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || value === undefined) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}
