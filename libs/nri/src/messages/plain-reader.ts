import type protobuf from 'protobufjs/light.js';
import { enumWords } from './enum-words.ts';
import type { Int64 } from './linux-resources.ts';

/** A decoded message, by protobuf.js' field names. */
export type WireObject = Readonly<Record<string, unknown>>;

type Read = (value: unknown) => unknown;

const readers = new Map<protobuf.Type, (message: WireObject) => Record<string, unknown>>();

/**
 * A function that turns decoded messages of a type into plain data: enums become words, wrapped optional values the values themselves,
 * 64-bit integers {@link Int64}. Absent messages are left out; absent scalars, lists and maps are zero and empty, as protobuf has it. A
 * number that an enum does not know becomes its zero's word.
 */
export function plainReader(type: protobuf.Type): (message: WireObject) => Record<string, unknown> {
  const known = readers.get(type);
  if (known !== undefined) return known;
  const fields: { readonly from: string; readonly to: string; readonly read: Read }[] = [];
  const reader = (message: WireObject): Record<string, unknown> => {
    const plain: Record<string, unknown> = {};
    for (const field of fields) {
      const value = message[field.from];
      if (value !== null && value !== undefined) plain[field.to] = field.read(value);
    }
    return plain;
  };
  readers.set(type, reader);
  for (const field of type.fieldsArray) {
    fields.push({ from: field.name, to: plainName(field.name), read: fieldReader(field.resolve()) });
  }
  return reader;
}

/** How a field is called in plain data: as protobuf.js calls it, but NRIVersion and CDIDevices begin in lower case. */
export function plainName(fieldName: string): string {
  return fieldName.replace(/^[A-Z]+(?=[A-Z][a-z])/, (letters) => letters.toLowerCase());
}

/** Whether a message only wraps a value whose absence differs from its zero. */
export function isOptionalWrapper(type: protobuf.Type): boolean {
  return type.name.startsWith('Optional');
}

function fieldReader(field: protobuf.Field): Read {
  const read = valueReader(field);
  if (field.map) {
    return (value) => {
      const entries = Object.entries(value as WireObject);
      return Object.fromEntries(entries.map(([key, entry]) => [key, read(entry)]));
    };
  }
  if (field.repeated) return (value) => (value as readonly unknown[]).map(read);
  return read;
}

function valueReader(field: protobuf.Field): Read {
  const type = field.resolvedType;
  if (type !== null && 'fieldsArray' in type) {
    if (isOptionalWrapper(type)) {
      const inner = fieldReader(type.fieldsArray[0]?.resolve() as protobuf.Field);
      return (value) => inner((value as WireObject)['value']);
    }
    const reader = plainReader(type);
    return (value) => reader(value as WireObject);
  }
  if (type !== null) {
    const { wordOf } = enumWords(type);
    return (value) => wordOf.get(value as number) ?? wordOf.get(0);
  }
  return /^s?u?(int|fixed)64$/.test(field.type) ? (value) => int64From(value) : (value) => value;
}

/** protobuf.js hands out 64-bit integers as objects of the `long` package. */
function int64From(value: unknown): Int64 {
  if (typeof value === 'number') return value;
  const { low, high, unsigned } = value as { low: number; high: number; unsigned: boolean };
  const upper = unsigned ? high >>> 0 : high;
  const exact = upper * 0x1_0000_0000 + (low >>> 0);
  return Number.isSafeInteger(exact) ? exact : BigInt(upper) * 0x1_0000_0000n + BigInt(low >>> 0);
}
