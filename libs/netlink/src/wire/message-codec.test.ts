import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHardwareAddress, formatHardwareAddress } from './hardware-address.ts';
import { MalformedMessageError } from './malformed-message-error.ts';
import { MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { RequestInvalidError } from './request-invalid-error.ts';

const attributeType = fc.integer({ min: 1, max: 0x3fff });

describe('messages', () => {
  it('read as they were written, however many and long', () => {
    const attribute = fc.record({ type: attributeType, value: fc.uint8Array({ maxLength: 300 }) });
    const message = fc.record({ type: fc.nat(0xffff), attributes: fc.array(attribute, { maxLength: 20 }) });
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
        const writer = new MessageWriter(16);
        messages.forEach(({ type, attributes }, index) => {
          writer.beginMessage(type, 5, index);
          for (const { type: number, value } of attributes) writer.bytes(number, value);
          writer.endMessage();
        });
        const reader = new MessageReader(writer.buffer, writer.length);
        const read: unknown[] = [];
        while (reader.next()) {
          const attributes: unknown[] = [];
          const walk = reader.attributes(0);
          while (walk.next()) attributes.push({ type: walk.type, value: new Uint8Array(walk.bytes()) });
          expect([reader.flags, reader.sequence]).toEqual([5, read.length]);
          read.push({ type: reader.type, attributes });
        }
        expect(read).toEqual(messages);
      }),
    );
  });

  it('nest attributes and align them to four bytes', () => {
    const writer = new MessageWriter();
    writer.beginMessage(16, 0, 1);
    const nest = writer.beginNest(18);
    writer.string(1, 'veth', 15, 'kind');
    writer.uint8(2, 7, 'mode');
    writer.endNest(nest);
    writer.endMessage();
    expect(writer.buffer.toString('hex', 0, writer.length)).toBe(
      [
        '28000000100000000100000000000000',
        '18001280',
        '0900010076657468',
        '00000000',
        '0500020007000000',
      ].join(''),
    );
    const reader = new MessageReader(writer.buffer, writer.length);
    reader.next();
    const outer = reader.attributes(0);
    expect([outer.next(), outer.type]).toEqual([true, 18]);
    const inner = outer.nested();
    expect([inner.next(), inner.string(), inner.next(), inner.uint8(), inner.next()]).toEqual([
      true,
      'veth',
      true,
      7,
      false,
    ]);
  });

  it('leave nothing of an earlier, longer message behind', () => {
    const writer = new MessageWriter();
    writer.beginMessage(1, 0, 1);
    writer.bytes(1, Buffer.alloc(100, 0xff));
    writer.endMessage();
    writer.reset();
    writer.beginMessage(1, 0, 1);
    writer.uint8(1, 0, 'value');
    writer.header(16);
    writer.endMessage();
    expect(writer.buffer.subarray(24, writer.length).every((byte) => byte === 0)).toBe(true);
  });

  it('take no number that does not fit', () => {
    const writer = new MessageWriter();
    for (const value of [-1, 1.5, Number.NaN, 2 ** 32, Number.POSITIVE_INFINITY]) {
      expect(() => writer.uint32(1, value, 'mtu')).toThrow(RequestInvalidError);
    }
    expect(() => writer.uint8(1, 256, 'ttl')).toThrow('ttl must be an integer from 0 to 255, not 256');
    expect(() => writer.string(1, 'sixteen-letters-', 15, 'name')).toThrow(/name must be at most 15 bytes/);
    expect(() => writer.string(1, 'a\0b', 15, 'name')).toThrow(RequestInvalidError);
    expect(() => writer.bytes(1, Buffer.alloc(70_000))).toThrow(RequestInvalidError);
  });

  it('refuse to grow beyond what the kernel takes in one send', () => {
    const writer = new MessageWriter();
    expect(() => {
      for (let count = 0; count < 10; count++) writer.bytes(1, Buffer.alloc(30_000));
    }).toThrow(/at most 196608 bytes together/);
  });

  it('are refused when a length points outside', () => {
    const writer = new MessageWriter();
    writer.beginMessage(16, 0, 1);
    writer.uint32(4, 1500, 'mtu');
    writer.endMessage();
    const bytes = Buffer.from(writer.buffer.subarray(0, writer.length));
    for (const [offset, value] of [
      [0, 15],
      [0, 25],
      [16, 3],
      [16, 9],
    ] as const) {
      const broken = Buffer.from(bytes);
      broken.writeUInt16LE(value, offset);
      const reader = new MessageReader(broken, broken.length);
      expect(() => {
        while (reader.next()) {
          const attributes = reader.attributes(0);
          while (attributes.next()) attributes.uint32();
        }
      }).toThrow(MalformedMessageError);
    }
  });
});

describe('link-layer addresses', () => {
  it('are the same after writing and reading', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 32 }), (bytes) => {
        const text = formatHardwareAddress(bytes) ?? '';
        expect(new Uint8Array(parseHardwareAddress(text, 'address'))).toEqual(bytes);
        expect(parseHardwareAddress(text.toUpperCase(), 'address')).toEqual(Buffer.from(bytes));
      }),
    );
    expect(formatHardwareAddress(new Uint8Array())).toBeUndefined();
  });

  it('name the field that holds a wrong one', () => {
    for (const wrong of ['', '020:0:5e', '02-00-5e-10-00-01', '02:00:5e:10:00:0g', '02:00:']) {
      expect(() => parseHardwareAddress(wrong, 'address'), wrong).toThrow(
        /address must be a link-layer address/,
      );
    }
  });
});
