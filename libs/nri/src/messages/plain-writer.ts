import type protobuf from 'protobufjs/light.js';
import { enumWords } from './enum-words.ts';
import { isOptionalWrapper, plainName } from './plain-decoder.ts';

/** A handler returned something that cannot be sent. */
export class InvalidReplyError extends Error {
  override readonly name = 'InvalidReplyError';
  /** Where, 'adjust.mounts[0].source'. */
  readonly path: string;

  constructor(path: string, problem: string) {
    super(`${path} ${problem}`);
    this.path = path;
  }
}

type Write = (value: unknown, path: string) => unknown;

const writers = new Map<protobuf.Type, Write>();

/**
 * A function that turns plain data, as `plainDecoder` makes it, into an object that protobuf.js can encode. Every field may be left out
 * or undefined.
 *
 * @returns a function that throws {@link InvalidReplyError} for unknown fields and values of the wrong kind: protobuf.js would drop or
 * bend them silently.
 */
export function plainWriter(
  type: protobuf.Type,
): (plain: object, path: string) => Readonly<Record<string, unknown>> {
  return messageWriter(type) as (plain: object, path: string) => Readonly<Record<string, unknown>>;
}

function messageWriter(type: protobuf.Type): Write {
  const known = writers.get(type);
  if (known !== undefined) return known;
  const fields = new Map<string, { readonly to: string; readonly write: Write }>();
  const writer: Write = (plain, path) => {
    const message: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(asObject(plain, path))) {
      if (value === undefined) continue;
      const at = path === '' ? name : `${path}.${name}`;
      const field = fields.get(name);
      if (field === undefined) {
        throw new InvalidReplyError(at, `is not a field; there are ${[...fields.keys()].join(', ')}`);
      }
      message[field.to] = field.write(value, at);
    }
    return message;
  };
  writers.set(type, writer);
  for (const field of type.fieldsArray) {
    fields.set(plainName(field.name), { to: field.name, write: fieldWriter(field.resolve()) });
  }
  return writer;
}

function fieldWriter(field: protobuf.Field): Write {
  const write = valueWriter(field);
  if (field.map) {
    return (value, path) => {
      const entries = Object.entries(asObject(value, path));
      return Object.fromEntries(entries.map(([key, entry]) => [key, write(entry, `${path}.${key}`)]));
    };
  }
  if (field.repeated) {
    return (value, path) => {
      if (!Array.isArray(value)) throw invalid(path, 'a list', value);
      return value.map((entry, index) => write(entry, `${path}[${index}]`));
    };
  }
  return write;
}

function valueWriter(field: protobuf.Field): Write {
  const type = field.resolvedType;
  if (type !== null && 'fieldsArray' in type) {
    if (!isOptionalWrapper(type)) return messageWriter(type);
    const inner = fieldWriter(type.fieldsArray[0]?.resolve() as protobuf.Field);
    return (value, path) => ({ value: inner(value, path) });
  }
  if (type !== null) {
    const { numberOf } = enumWords(type);
    return (value, path) => {
      const number = numberOf.get(value as string);
      if (number === undefined) throw invalid(path, `one of ${[...numberOf.keys()].join(', ')}`, value);
      return number;
    };
  }
  return scalarWriter(field.type);
}

function scalarWriter(type: string): Write {
  switch (type) {
    case 'string':
      return (value, path) => {
        if (typeof value !== 'string') throw invalid(path, 'a string', value);
        return value;
      };
    case 'bool':
      return (value, path) => {
        if (typeof value !== 'boolean') throw invalid(path, 'true or false', value);
        return value;
      };
    case 'int32':
      return integerWriter(-(2n ** 31n), 2n ** 31n - 1n, Number);
    case 'uint32':
      return integerWriter(0n, 2n ** 32n - 1n, Number);
    case 'int64':
      return integerWriter(-(2n ** 63n), 2n ** 63n - 1n, longParts);
    case 'uint64':
      return integerWriter(0n, 2n ** 64n - 1n, longParts);
    default:
      throw new Error(`NRI messages have no fields of type ${type}`);
  }
}

function integerWriter(minimum: bigint, maximum: bigint, convert: (value: bigint) => unknown): Write {
  const wanted = `an integer from ${minimum} to ${maximum} (a bigint from 2^53 on)`;
  return (value, path) => {
    if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) throw invalid(path, wanted, value);
    const integer = BigInt(value as number | bigint);
    if (integer < minimum || integer > maximum) throw invalid(path, wanted, value);
    return convert(integer);
  };
}

/** The shape that protobuf.js takes for 64-bit integers; it would encode a bigint as 0. */
function longParts(value: bigint): { low: number; high: number } {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)) };
}

function asObject(value: unknown, path: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(path, 'an object', value);
  return value;
}

function invalid(path: string, wanted: string, value: unknown): InvalidReplyError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return new InvalidReplyError(path === '' ? 'the reply' : path, `must be ${wanted}, not ${shown}`);
}
