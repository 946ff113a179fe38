import { isJsonObject } from '../objects/kube-object.ts';
import type { JsonObject, JsonValue } from '../objects/kube-object.ts';

/** How a list merges: as one value, as a set of values, or as a map of items by some of their fields. */
export type ListKind = 'atomic' | 'set' | readonly string[];

/** Lists that merge item by item, by kind and path (x-kubernetes-list-type in the API's OpenAPI document). */
const LISTS: Readonly<Record<string, Readonly<Record<string, ListKind>>>> = {
  '*': {
    'metadata.ownerReferences': ['uid'],
    'metadata.finalizers': 'set',
  },
  ResourceClaim: {
    'status.reservedFor': ['uid'],
    'status.devices': ['driver', 'device', 'pool', 'shareID'],
    'status.devices.conditions': ['type'],
  },
  Pod: {
    'spec.containers': ['name'],
    'spec.initContainers': ['name'],
    'spec.volumes': ['name'],
    'spec.resourceClaims': ['name'],
    'status.conditions': ['type'],
    'status.podIPs': ['ip'],
    'status.hostIPs': ['ip'],
    'status.resourceClaimStatuses': ['name'],
  },
  Node: { 'status.conditions': ['type'], 'status.addresses': ['type'] },
  Namespace: { 'status.conditions': ['type'], 'spec.finalizers': 'set' },
};

/** Objects that merge as one value. */
const ATOMIC_OBJECTS = new Set([
  'ResourceClaim:status.devices.data',
  'ResourceClaim:status.allocation.nodeSelector',
  'ResourceSlice:spec.nodeSelector',
  'Pod:spec.nodeSelector',
]);

/** Where in an object of a kind the merge is: list items and set values leave no trace in the path. */
export interface Place {
  readonly kind: string;
  readonly path: string;
}

/** The place of a member. */
function memberOf(place: Place, name: string): Place {
  return { kind: place.kind, path: place.path === '' ? name : `${place.path}.${name}` };
}

/** How the list at a place merges. */
function listKind({ kind, path }: Place): ListKind {
  return LISTS[kind]?.[path] ?? LISTS['*']?.[path] ?? 'atomic';
}

/** Whether the object at a place merges as one value. */
function isAtomicObject({ kind, path }: Place): boolean {
  return ATOMIC_OBJECTS.has(`${kind}:${path}`);
}

/** A value that merges member by member or item by item, as the elements that FieldsV1 names them by. */
export type Elements = Map<string, { value: JsonValue; place: Place }>;

/** Two items of a list claim the same key, or one has none. */
export class ListKeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ListKeyError';
  }
}

/** The elements of a value; undefined when it merges as a whole (scalars, atomic lists and objects). */
export function elementsOf(value: JsonValue | undefined, place: Place): Elements | undefined {
  if (Array.isArray(value)) return listElements(value, place);
  if (!isJsonObject(value) || isAtomicObject(place)) return undefined;
  const elements: Elements = new Map();
  for (const [name, member] of Object.entries(value)) {
    if (member !== undefined) elements.set(`f:${name}`, { value: member, place: memberOf(place, name) });
  }
  return elements;
}

function listElements(list: readonly JsonValue[], place: Place): Elements | undefined {
  const kind = listKind(place);
  if (kind === 'atomic') return undefined;
  const elements: Elements = new Map();
  for (const item of list) {
    const element = kind === 'set' ? `v:${JSON.stringify(item)}` : itemKey(item, kind, place);
    if (elements.has(element))
      throw new ListKeyError(`.${place.path}: duplicate entries for key ${element.slice(2)}`);
    elements.set(element, { value: item, place });
  }
  return elements;
}

function itemKey(item: JsonValue, keys: readonly string[], place: Place): string {
  const found: JsonObject = {};
  if (isJsonObject(item)) {
    for (const key of [...keys].sort()) {
      if (item[key] !== undefined) found[key] = item[key];
    }
  }
  if (Object.keys(found).length === 0) {
    throw new ListKeyError(
      `.${place.path}: element 0: associative list with keys has an element that omits key field ${JSON.stringify(keys[0])} (and doesn't have default value)`,
    );
  }
  return `k:${JSON.stringify(found)}`;
}

/** Puts elements together again. */
export function assemble(like: JsonValue, elements: ReadonlyMap<string, JsonValue>): JsonValue {
  if (Array.isArray(like)) return [...elements.values()];
  return Object.fromEntries([...elements].map(([element, value]) => [element.slice(2), value]));
}
