import protobuf from 'protobufjs/light.js';
import { enumWords } from './enum-words.ts';
import type { Int64 } from './linux-resources.ts';

/** A message as plain data, by its fields' names. */
export type PlainMessage = Readonly<Record<string, unknown>>;

type Mutable = Record<string, unknown>;
type ReadValue = (reader: protobuf.Reader) => unknown;

/** How a field is decoded that came with the wire type that it is expected to have. */
interface FieldDecoder {
  readonly wireType: number;
  /** Reads one occurrence of the field into the message. */
  readonly into: (reader: protobuf.Reader, message: Mutable) => void;
  /** The same for many numbers in one piece, which is how repeated ones may come as well. */
  readonly packedInto?: (reader: protobuf.Reader, message: Mutable) => void;
}

/** All that decoding a type takes; filled after it is made, because types may contain themselves. */
interface MessageDecoder {
  readonly fields: (FieldDecoder | undefined)[];
  /** What a message of the type has when nothing is on the wire. */
  readonly zero: Mutable;
}

const decoders = new Map<protobuf.Type, MessageDecoder>();

/** Wire type of messages, texts, bytes and packed numbers (protobuf's encoding guide). */
const lengthDelimited = 2;
const none: readonly never[] = Object.freeze([]);
const noEntries = Object.freeze({});

/**
 * A function that turns the bytes of a type's message into plain data: enums become words, wrapped optional values the values themselves,
 * 64-bit integers {@link Int64}. Absent messages are left out; absent scalars, lists and maps are zero and empty, as protobuf has it. A
 * number that an enum does not know becomes its zero's word. Fields that the type does not know are passed over.
 *
 * One small loop over tables does it for all types: hooks come seldom, so that what costs is how much different code and data one needs.
 *
 * @returns a function that throws for what is no such message; bytes fields are views of what it is given
 */
export function plainDecoder(type: protobuf.Type): (bytes: Uint8Array) => PlainMessage {
  const decoder = decoderOf(type);
  return (bytes) => {
    const reader = protobuf.Reader.create(bytes);
    return decodeUntil(reader, reader.len, decoder);
  };
}

/** How a field is called in plain data: as protobuf.js calls it, but NRIVersion and CDIDevices begin in lower case. */
export function plainName(fieldName: string): string {
  return fieldName.replace(/^[A-Z]+(?=[A-Z][a-z])/, (letters) => letters.toLowerCase());
}

/** Whether a message only wraps a value whose absence differs from its zero. */
export function isOptionalWrapper(type: protobuf.Type): boolean {
  return type.name.startsWith('Optional');
}

function decodeUntil(reader: protobuf.Reader, end: number, { fields, zero }: MessageDecoder): Mutable {
  const message = { ...zero };
  while (reader.pos < end) {
    const tag = reader.uint32();
    const wireType = tag & 7;
    const field = fields[tag >>> 3];
    if (field?.wireType === wireType) field.into(reader, message);
    else if (field?.packedInto !== undefined && wireType === lengthDelimited)
      field.packedInto(reader, message);
    else reader.skipType(wireType);
  }
  assertEnd(reader, end);
  return message;
}

function assertEnd({ pos }: protobuf.Reader, end: number): void {
  if (pos !== end) throw new RangeError(`a value goes ${pos - end} bytes beyond what it is in`);
}

/** Reads what begins with its length. */
function decodeDelimited(reader: protobuf.Reader, decoder: MessageDecoder): Mutable {
  const length = reader.uint32();
  return decodeUntil(reader, reader.pos + length, decoder);
}

function decoderOf(type: protobuf.Type): MessageDecoder {
  const known = decoders.get(type);
  if (known !== undefined) return known;
  const decoder: MessageDecoder = { fields: [], zero: {} };
  decoders.set(type, decoder);
  for (const field of type.fieldsArray) {
    field.resolve();
    const name = plainName(field.name);
    decoder.fields[field.id] = fieldDecoder(field, name);
    const zero = zeroOf(field);
    if (zero !== undefined) decoder.zero[name] = zero;
  }
  return decoder;
}

function fieldDecoder(field: protobuf.Field, name: string): FieldDecoder {
  if (field.map) return mapDecoder(field, (field as unknown as protobuf.MapField).keyType, name);
  const { wireType, read } = valueDecoder(field);
  if (!field.repeated) return { wireType, into: (reader, message) => void (message[name] = read(reader)) };
  const into = (reader: protobuf.Reader, message: Mutable): void => {
    const list = message[name] as unknown[];
    if ((list as unknown) === none) message[name] = [read(reader)];
    else list.push(read(reader));
  };
  if (wireType === lengthDelimited) return { wireType, into };
  return {
    ...{ wireType, into },
    packedInto: (reader, message) => {
      const length = reader.uint32();
      const end = reader.pos + length;
      while (reader.pos < end) into(reader, message);
      assertEnd(reader, end);
    },
  };
}

/** On the wire, a map is a list of messages with a key and a value. */
function mapDecoder(field: protobuf.Field, keyType: string, name: string): FieldDecoder {
  const { wireType, read } = valueDecoder(field);
  const key = scalars[keyType] ?? noScalar(keyType);
  const { resolvedType } = field;
  const emptyMessage =
    resolvedType !== null && 'fieldsArray' in resolvedType ? decoderOf(resolvedType).zero : undefined;
  const entry: MessageDecoder = {
    fields: [
      undefined,
      { wireType: key.wireType, into: (reader, to) => void (to['key'] = key.read(reader)) },
      { wireType, into: (reader, to) => void (to['value'] = read(reader)) },
    ],
    zero: { key: key.zero, value: emptyMessage ?? zeroValue(field) },
  };
  return {
    wireType: lengthDelimited,
    into: (reader, message) => {
      const { key, value } = decodeDelimited(reader, entry) as { key: string | number; value: unknown };
      if (message[name] === noEntries) message[name] = {};
      setEntry(message[name] as Mutable, key, value);
    },
  };
}

/** Labels and annotations are anybody's: a key may be `__proto__`, which assigning would not make an entry. */
function setEntry(map: Record<string | number, unknown>, key: string | number, value: unknown): void {
  if (key !== '__proto__') map[key] = value;
  else Object.defineProperty(map, key, { value, configurable: true, enumerable: true, writable: true });
}

function valueDecoder(field: protobuf.Field): { readonly wireType: number; readonly read: ReadValue } {
  const type = field.resolvedType;
  if (type === null) return scalars[field.type] ?? noScalar(field.type);
  if (!('fieldsArray' in type)) {
    const { wordOf } = enumWords(type);
    return { wireType: 0, read: (reader) => wordOf.get(reader.int32()) ?? wordOf.get(0) };
  }
  const decoder = decoderOf(type);
  const read = isOptionalWrapper(type)
    ? (reader: protobuf.Reader) => decodeDelimited(reader, decoder)['value']
    : (reader: protobuf.Reader) => decodeDelimited(reader, decoder);
  return { wireType: lengthDelimited, read };
}

/** What a field is when it is not on the wire; undefined for a message, which is then left out. */
function zeroOf(field: protobuf.Field): unknown {
  if (field.map) return noEntries;
  return field.repeated ? none : zeroValue(field);
}

function zeroValue({ resolvedType, type }: protobuf.Field): unknown {
  if (resolvedType === null) return scalars[type]?.zero;
  return 'fieldsArray' in resolvedType ? undefined : enumWords(resolvedType).wordOf.get(0);
}

/** Protobuf's scalars that NRI and ttrpc use. */
const scalars: Readonly<Record<string, { wireType: number; zero: unknown; read: ReadValue } | undefined>> = {
  string: { wireType: lengthDelimited, zero: '', read: (reader) => reader.string() },
  bytes: { wireType: lengthDelimited, zero: new Uint8Array(), read: (reader) => reader.bytes() },
  bool: { wireType: 0, zero: false, read: (reader) => reader.bool() },
  int32: { wireType: 0, zero: 0, read: (reader) => reader.int32() },
  uint32: { wireType: 0, zero: 0, read: (reader) => reader.uint32() },
  int64: { wireType: 0, zero: 0, read: (reader) => int64From(reader.int64()) },
  uint64: { wireType: 0, zero: 0, read: (reader) => int64From(reader.uint64()) },
};

function noScalar(type: string): never {
  throw new Error(`messages with fields of type ${type} cannot be decoded yet`);
}

/** protobuf.js hands out 64-bit integers as objects of the `long` package. */
function int64From(value: protobuf.Long | number): Int64 {
  if (typeof value === 'number') return value;
  const { low, high, unsigned } = value;
  const upper = unsigned ? high >>> 0 : high;
  const exact = upper * 0x1_0000_0000 + (low >>> 0);
  return Number.isSafeInteger(exact) ? exact : BigInt(upper) * 0x1_0000_0000n + BigInt(low >>> 0);
}
