import { StatusError } from '../status-error.ts';
import type { QualifiedName, StatusCause } from '../status-error.ts';

/** The words of each kind of field error, by the reason that a cause carries (apimachinery field.ErrorType). */
const WORDS = {
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
} as const;

/** These name no value: it is missing, too long to repeat, or not the point. */
const WITHOUT_VALUE = new Set<string>(['FieldValueRequired', 'FieldValueForbidden', 'FieldValueTooLong']);

interface FieldError {
  reason: keyof typeof WORDS;
  field: string;
  message: string;
}

/** Collects what is wrong with an object, field by field, and turns it into one 422 answer. */
export class FieldErrors {
  readonly #errors: FieldError[] = [];

  /** Whether nothing has been found. */
  get empty(): boolean {
    return this.#errors.length === 0;
  }

  /** A value is missing. */
  required(field: string, detail = ''): void {
    this.#add('FieldValueRequired', field, undefined, detail);
  }

  /** A value is malformed or out of its range. */
  invalid(field: string, value: unknown, detail: string): void {
    this.#add('FieldValueInvalid', field, value, detail);
  }

  /** A value that must be unique is there twice. */
  duplicate(field: string, value: unknown): void {
    this.#add('FieldValueDuplicate', field, value, '');
  }

  /** A value may not be there under these circumstances. */
  forbidden(field: string, detail: string): void {
    this.#add('FieldValueForbidden', field, undefined, detail);
  }

  /** A text has more than `maximum` bytes. */
  tooLong(field: string, maximum: number): void {
    this.#add('FieldValueTooLong', field, undefined, `may not be more than ${String(maximum)} bytes`);
  }

  /** A list or map has more than `maximum` entries. */
  tooMany(field: string, actual: number, maximum: number): void {
    this.#add('FieldValueTooMany', field, actual, `must have at most ${String(maximum)} items`);
  }

  /** A value is none of an enumeration. */
  notSupported(field: string, value: unknown, supported: readonly string[]): void {
    const list = supported.map((item) => JSON.stringify(item)).join(', ');
    this.#add('FieldValueNotSupported', field, value, `supported values: ${list}`);
  }

  /** Checks a text's length in bytes. */
  maxBytes(field: string, value: string, maximum: number): void {
    if (Buffer.byteLength(value) > maximum) this.tooLong(field, maximum);
  }

  /** Throws the 422 answer when anything has been found. */
  throwIfAny(kind: QualifiedName, name: string): void {
    if (this.empty) return;
    const causes: StatusCause[] = this.#errors.map(({ reason, field, message }) => ({
      reason,
      message,
      field,
    }));
    const texts = [...new Set(this.#errors.map(({ field, message }) => `${field}: ${message}`))];
    const summary = texts.length === 1 ? texts.join('') : `[${texts.join(', ')}]`;
    const qualified = kind.group === '' ? kind.name : `${kind.name}.${kind.group}`;
    throw new StatusError(422, 'Invalid', `${qualified} "${name}" is invalid: ${summary}`, {
      ...(name === '' ? {} : { name }),
      ...(kind.group === '' ? {} : { group: kind.group }),
      kind: kind.name,
      causes,
    });
  }

  #add(reason: keyof typeof WORDS, field: string, value: unknown, detail: string): void {
    let message: string = WORDS[reason];
    if (!WITHOUT_VALUE.has(reason)) message += `: ${value === undefined ? 'null' : JSON.stringify(value)}`;
    if (detail !== '') message += `: ${detail}`;
    this.#errors.push({ reason, field, message });
  }
}

/** The path of a list item. */
export function at(field: string, index: number): string {
  return `${field}[${String(index)}]`;
}

/** The path of a map entry; long keys are cut in the middle, as the real server does. */
export function entry(field: string, key: string, maximum = 96): string {
  if (key.length <= maximum) return `${field}[${key}]`;
  const rest = maximum - 3;
  return `${field}[${key.slice(0, Math.ceil(rest / 2))}...${key.slice(key.length - Math.floor(rest / 2))}]`;
}

/** Validates every item of a list that may have at most `maximum` items; more than that is the only error then. */
export function eachItem<T>(
  errors: FieldErrors,
  field: string,
  items: readonly T[] | undefined,
  maximum: number,
  validate: (item: T, path: string) => void,
): void {
  if (items === undefined) return;
  if (items.length > maximum) {
    errors.tooMany(field, items.length, maximum);
    return;
  }
  items.forEach((item, index) => validate(item, at(field, index)));
}

/** {@link eachItem} for a list in which no two items may have the same key. */
export function eachUnique<T>(
  errors: FieldErrors,
  field: string,
  items: readonly T[] | undefined,
  maximum: number,
  key: (item: T) => string,
  validate: (item: T, path: string) => void,
): void {
  if (items === undefined) return;
  eachItem(errors, field, items, maximum, validate);
  if (items.length > maximum) return;
  const seen = new Set<string>();
  items.forEach((item, index) => {
    const id = key(item);
    if (seen.has(id)) errors.duplicate(at(field, index), id);
    seen.add(id);
  });
}
