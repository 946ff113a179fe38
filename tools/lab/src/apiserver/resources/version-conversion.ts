import { isJsonObject } from '../objects/kube-object.ts';
import type { JsonObject, JsonValue } from '../objects/kube-object.ts';

/** Turns an object of one API version into the storage form and back. Works on plain JSON, before decoding. */
export interface VersionConversion {
  toStorage(object: JsonObject): JsonObject;
  fromStorage(object: JsonObject): JsonObject;
}

/** The version is the storage form. */
export const SAME: VersionConversion = { toStorage: (object) => object, fromStorage: (object) => object };

/** Replaces a member at a path of object members; does nothing when the path leads nowhere. */
function replaceAt(
  object: JsonObject,
  path: readonly string[],
  replace: (value: JsonValue) => JsonValue,
): JsonObject {
  const [first, ...rest] = path;
  if (first === undefined) return object;
  const value = object[first];
  if (value === undefined || value === null) return object;
  if (rest.length === 0) return { ...object, [first]: replace(value) };
  return isJsonObject(value) ? { ...object, [first]: replaceAt(value, rest, replace) } : object;
}

function eachObject(convert: (item: JsonObject) => JsonObject): (value: JsonValue) => JsonValue {
  return (value) =>
    Array.isArray(value) ? value.map((item) => (isJsonObject(item) ? convert(item) : item)) : value;
}

function only(object: JsonObject, members: readonly string[]): JsonObject {
  return Object.fromEntries(
    members.filter((key) => object[key] !== undefined).map((key) => [key, object[key]]),
  );
}

function without(object: JsonObject, members: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !members.includes(key)));
}

/** v1beta1 keeps everything about a device but its name under `basic` (KEP-4381). */
export const SLICE_V1BETA1: VersionConversion = {
  toStorage: (slice) =>
    replaceAt(
      slice,
      ['spec', 'devices'],
      eachObject((device) => ({
        ...(isJsonObject(device['basic']) ? device['basic'] : {}),
        ...only(device, ['name']),
      })),
    ),
  fromStorage: (slice) =>
    replaceAt(
      slice,
      ['spec', 'devices'],
      eachObject((device) => ({ ...only(device, ['name']), basic: without(device, ['name']) })),
    ),
};

/** In v1beta1 the members of `exactly` stand in the request itself. */
const FLAT = [
  'deviceClassName',
  'selectors',
  'allocationMode',
  'count',
  'adminAccess',
  'tolerations',
  'capacity',
];

function deviceClaimV1beta1(path: readonly string[]): VersionConversion {
  const requests = [...path, 'devices', 'requests'];
  return {
    toStorage: (claim) =>
      replaceAt(
        claim,
        requests,
        eachObject((request) => {
          const exactly = only(request, FLAT);
          const kept = only(request, ['name', 'firstAvailable']);
          return Object.keys(exactly).length === 0 ? kept : { ...kept, exactly };
        }),
      ),
    fromStorage: (claim) =>
      replaceAt(
        claim,
        requests,
        eachObject((request) => ({
          ...without(request, ['exactly']),
          ...(isJsonObject(request['exactly']) ? request['exactly'] : {}),
        })),
      ),
  };
}

/** v1beta1 of ResourceClaim. */
export const CLAIM_V1BETA1 = deviceClaimV1beta1(['spec']);
/** v1beta1 of ResourceClaimTemplate. */
export const TEMPLATE_V1BETA1 = deviceClaimV1beta1(['spec', 'spec']);

/** Members of an event by their name in events.k8s.io/v1 and in core/v1. */
const EVENT_MEMBERS = [
  ['regarding', 'involvedObject'],
  ['note', 'message'],
  ['reportingController', 'reportingComponent'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
] as const;

/** events.k8s.io/v1 and core/v1 show the same events under different names. */
export const EVENT_NEW: VersionConversion = {
  toStorage: (event) => rename(event, new Map(EVENT_MEMBERS)),
  fromStorage: (event) => rename(event, new Map(EVENT_MEMBERS.map(([newer, core]) => [core, newer]))),
};

function rename(object: JsonObject, names: ReadonlyMap<string, string>): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value]));
}
