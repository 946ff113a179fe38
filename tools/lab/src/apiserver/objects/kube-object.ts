/** Any JSON value as it travels over the wire. */
export type JsonValue = string | number | boolean | null | JsonValue[] | JsonObject;

/** A JSON object; absent and undefined members mean the same. */
export interface JsonObject {
  [key: string]: JsonValue | undefined;
}

/** A reference from an object to the one that owns it (meta/v1 OwnerReference). */
export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean | undefined;
  blockOwnerDeletion?: boolean | undefined;
}

/** Who owns which fields (meta/v1 ManagedFieldsEntry, the record behind server-side apply). */
export interface ManagedFieldsEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  /** RFC 3339, seconds. */
  time?: string | undefined;
  fieldsType: string;
  /** The field set in the FieldsV1 encoding: `f:` fields, `k:` list items by key, `v:` set values. */
  fieldsV1: JsonObject;
  subresource?: string | undefined;
}

/** The metadata that every stored object carries (meta/v1 ObjectMeta). */
export interface ObjectMeta {
  name?: string | undefined;
  generateName?: string | undefined;
  namespace?: string | undefined;
  uid?: string | undefined;
  /** The store's revision of the last write, as a decimal string. */
  resourceVersion?: string | undefined;
  /** Counts changes of the spec, for the kinds that track it. */
  generation?: number | undefined;
  /** RFC 3339, seconds. */
  creationTimestamp?: string | undefined;
  deletionTimestamp?: string | undefined;
  deletionGracePeriodSeconds?: number | undefined;
  labels?: Record<string, string> | undefined;
  annotations?: Record<string, string> | undefined;
  ownerReferences?: OwnerReference[] | undefined;
  finalizers?: string[] | undefined;
  managedFields?: ManagedFieldsEntry[] | undefined;
}

/** What all kinds have in common; each kind's own type adds its spec and status. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: unknown;
  status?: unknown;
}

/** Views an object as plain JSON, for the parts that work on any kind. */
export function asJson(object: KubeObject): JsonObject {
  return object as unknown as JsonObject;
}

/** Views plain JSON as an object; the caller has checked that it has metadata. */
export function asObject(json: JsonObject): KubeObject {
  return json as unknown as KubeObject;
}

/** Whether a value is a JSON object, not a list and not null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Now, in the server's time format: RFC 3339 in UTC, cut to seconds. */
export function timestamp(at: Date = new Date()): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z');
}
