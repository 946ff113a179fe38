import { isJsonObject } from '../objects/kube-object.ts';
import type { FieldErrors } from './field-errors.ts';

/** Parameters of a driver and data in a claim's status, in bytes of JSON. */
const MAX_RAW_JSON_BYTES = 10 * 1024;

/** Checks content that must be a JSON object of at most 10 KiB. */
export function checkRawJson(errors: FieldErrors, field: string, value: unknown): void {
  if (value === undefined || value === null) errors.required(field);
  else if (Buffer.byteLength(JSON.stringify(value)) > MAX_RAW_JSON_BYTES) {
    errors.tooLong(field, MAX_RAW_JSON_BYTES);
  } else if (!isJsonObject(value)) errors.invalid(field, '<value omitted>', 'must be a valid JSON object');
}
