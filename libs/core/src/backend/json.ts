/** A value that survives `JSON.stringify` and `JSON.parse` unchanged. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** An object of JSON values. Properties that are `undefined` are absent after a round trip. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}
