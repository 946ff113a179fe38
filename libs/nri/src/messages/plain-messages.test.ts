import fc from 'fast-check';
import protobuf from 'protobufjs/light.js';
import { describe, expect, it } from 'vitest';
import { enumWords } from './enum-words.ts';
import { isOptionalWrapper, plainDecoder, plainName } from './plain-decoder.ts';
import { InvalidReplyError, plainWriter } from './plain-writer.ts';
import { nriType } from './wire-schema.ts';

function encode(typeName: string, plain: object): Uint8Array {
  const type = nriType(typeName);
  return type.encode(plainWriter(type)(plain, '')).finish();
}

function decode(typeName: string, bytes: Uint8Array): Record<string, unknown> {
  return plainDecoder(nriType(typeName))(bytes);
}

/** Any plain message of a type, with every field either there or at its default. */
function anyMessage(type: protobuf.Type): fc.Arbitrary<object> {
  const fields = type.fieldsArray.map((field) => {
    field.resolve();
    const value = anyValue(field);
    const isMessage = field.resolvedType !== null && 'fieldsArray' in field.resolvedType;
    const arbitrary = field.map
      ? fc.dictionary(field.type === 'string' ? anyText() : fc.string({ minLength: 1 }), value, {
          maxKeys: 3,
        })
      : field.repeated
        ? fc.array(value, { maxLength: 3 })
        : isMessage
          ? fc.option(value, { nil: undefined })
          : value;
    return [plainName(field.name), arbitrary] as const;
  });
  return fc.record(Object.fromEntries(fields));
}

function anyText(): fc.Arbitrary<string> {
  return fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'constructor', ''));
}

function anyValue(field: protobuf.Field): fc.Arbitrary<unknown> {
  const type = field.resolvedType;
  if (type !== null && 'fieldsArray' in type) {
    if (!isOptionalWrapper(type)) return anyMessage(type);
    const inner = type.fieldsArray[0]!.resolve();
    return inner.repeated ? fc.array(anyValue(inner), { maxLength: 3 }) : anyValue(inner);
  }
  if (type !== null) return fc.constantFrom(...enumWords(type).numberOf.keys());
  switch (field.type) {
    case 'string':
      return anyText();
    case 'bool':
      return fc.boolean();
    case 'int32':
      return fc.integer();
    case 'uint32':
      return fc.nat({ max: 0xffff_ffff });
    default:
      return int64(
        field.type === 'int64' ? -(2n ** 63n) : 0n,
        field.type === 'int64' ? 2n ** 63n - 1n : 2n ** 64n - 1n,
      );
  }
}

/** As they are received: numbers while these are exact. */
function int64(min: bigint, max: bigint): fc.Arbitrary<number | bigint> {
  return fc
    .oneof(fc.bigInt({ min, max }), fc.constantFrom(min, max, 0n, 2n ** 53n, 2n ** 53n - 1n))
    .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value));
}

function withoutAbsent(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAbsent);
  if (typeof value !== 'object' || value === null) return value;
  const present = Object.entries(value).filter(([, entry]) => entry !== undefined);
  return Object.fromEntries(present.map(([key, entry]) => [key, withoutAbsent(entry)]));
}

describe('plain messages', () => {
  it.each(['PodSandbox', 'Container', 'CreateContainerResponse', 'UpdateContainerRequest'])(
    'of type %s come back from the wire as they were',
    (typeName) => {
      fc.assert(
        fc.property(anyMessage(nriType(typeName)), (message) => {
          expect(decode(typeName, encode(typeName, message))).toEqual(withoutAbsent(message));
        }),
        { numRuns: 60 },
      );
    },
  );

  it('have the words of enums without the prefix that all of them share', () => {
    const enumOf = (type: string, field: string): string[] => [
      ...enumWords(nriType(type).fields[field]!.resolve().resolvedType as protobuf.Enum).numberOf.keys(),
    ];
    expect(enumOf('Container', 'state')).toEqual(['unknown', 'created', 'paused', 'running', 'stopped']);
    expect(enumOf('LinuxScheduler', 'flags')).toContain('reset-on-fork');
    expect(enumOf('LinuxMemoryPolicy', 'flags')).toEqual([
      'static-nodes',
      'relative-nodes',
      'numa-balancing',
    ]);
    expect(enumOf('SecurityProfile', 'profileType')).toEqual(['runtime-default', 'unconfined', 'localhost']);
  });

  it('have the enum’s zero where a later runtime uses a number that is not known here', () => {
    const container = nriType('Container').encode({ state: 99 }).finish();
    expect(decode('Container', container)['state']).toBe('unknown');
  });

  it('tell an absent optional value from its zero', () => {
    expect(decode('LinuxMemory', encode('LinuxMemory', { limit: 0 }))).toEqual({ limit: 0 });
    expect(decode('LinuxMemory', encode('LinuxMemory', {}))).toEqual({});
  });

  it('pass over fields that are not known, and known ones that are of another kind', () => {
    const text = (writer: protobuf.Writer, field: number, value: string) =>
      writer.uint32((field << 3) | 2).string(value);
    const writer = protobuf.Writer.create();
    text(writer, 1, 'the key');
    text(writer, 1000, 'of a later version');
    writer.uint32((2 << 3) | 0).uint32(7);
    expect(decode('KeyValue', writer.finish())).toEqual({ key: 'the key', value: '' });
  });

  it('have the last of several values where one is allowed', () => {
    const twice = Buffer.concat([encode('KeyValue', { key: 'a' }), encode('KeyValue', { key: 'b' })]);
    expect(decode('KeyValue', twice)).toEqual({ key: 'b', value: '' });
  });

  it('have repeated numbers whether they come in one piece or one by one', () => {
    const field = 3;
    const packed = protobuf.Writer.create().uint32((field << 3) | 2);
    packed.fork().uint32(5).uint32(300).ldelim();
    const single = protobuf.Writer.create();
    for (const value of [5, 300]) single.uint32((field << 3) | 0).uint32(value);
    for (const bytes of [packed.finish(), single.finish()])
      expect(decode('User', bytes)).toMatchObject({ additionalGids: [5, 300] });
  });

  it('are refused when a value goes beyond what it is in', () => {
    const user = protobuf.Writer.create()
      .uint32((3 << 3) | 2)
      .uint32(2);
    const bytes = Buffer.concat([user.finish(), Buffer.from([0x05, 0x80, 0x01])]);
    expect(() => decode('User', bytes)).toThrow('goes 1 bytes beyond');
    const inner = protobuf.Writer.create()
      .uint32((6 << 3) | 2)
      .uint32(3);
    const label = Buffer.from([(1 << 3) | 2, 2, 0x61, 0x62, 0x63]);
    expect(() => decode('PodSandbox', Buffer.concat([inner.finish(), label]))).toThrow('goes 1 bytes beyond');
  });

  it.each([
    [{ adjust: { mount: [] } }, 'adjust.mount is not a field; there are annotations, mounts'],
    [{ adjust: { mounts: {} } }, 'adjust.mounts must be a list, not [object Object]'],
    [{ adjust: { env: [{ key: 'A', value: 5 }] } }, 'adjust.env[0].value must be a string, not 5'],
    [{ adjust: { annotations: { a: null } } }, 'adjust.annotations.a must be a string, not null'],
    [{ adjust: { linux: { oomScoreAdj: 0.5 } } }, 'adjust.linux.oomScoreAdj must be an integer'],
    [
      { adjust: { linux: { resources: { cpu: { shares: -1 } } } } },
      'adjust.linux.resources.cpu.shares must be',
    ],
    [{ adjust: { linux: { devices: [{ fileMode: 2 ** 32 }] } } }, 'adjust.linux.devices[0].fileMode must be'],
    [
      { adjust: { linux: { ioPriority: { class: 'fast' } } } },
      'must be one of none, rt, be, idle, not "fast"',
    ],
    [{ adjust: 'none' }, 'adjust must be an object, not "none"'],
    [{ update: [{ ignoreFailure: 1 }] }, 'update[0].ignoreFailure must be true or false, not 1'],
  ])('are refused when wrong, with path, wish and value: %j', (plain, message) => {
    expect(() => encode('CreateContainerResponse', plain)).toThrow(InvalidReplyError);
    expect(() => encode('CreateContainerResponse', plain)).toThrow(message);
  });

  it('are refused with a 64-bit integer that is too large', () => {
    const plain = { adjust: { linux: { resources: { pids: { limit: 2n ** 63n } } } } };
    expect(() => encode('CreateContainerResponse', plain)).toThrow('pids.limit must be an integer from');
  });

  it('are decoded or refused in bounded time, whatever the bytes', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(
          'SynchronizeRequest',
          'CreateContainerRequest',
          'StateChangeEvent',
          'ConfigureRequest',
        ),
        fc.uint8Array({ maxLength: 300 }),
        (typeName, bytes) => {
          try {
            decode(typeName, Buffer.from(bytes));
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('are decoded or refused when single bytes of a real message are wrong', () => {
    const request = encode('CreateContainerRequest', {
      pod: {
        id: 'p',
        labels: { a: 'b' },
        linux: { namespaces: [{ type: 'network', path: '/run/netns/x' }] },
      },
      container: {
        id: 'c',
        env: ['A=1'],
        mounts: [{ destination: '/a' }],
        rlimits: [{ type: 'x', hard: 5 }],
      },
    });
    for (let index = 0; index < request.length; index++) {
      for (const byte of [0x00, 0x7f, 0x80, 0xff, 0x0b, 0x0c]) {
        const damaged = Buffer.from(request);
        damaged[index] = byte;
        try {
          decode('CreateContainerRequest', damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }
    }
  });

  it('are refused when groups are nested without end', () => {
    expect(() => decode('PodSandbox', Buffer.alloc(1_000_000, 0x7b))).toThrow(Error);
  });
});
