import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TtrpcDecoder } from './ttrpc-decoder.ts';
import type { TtrpcMessage } from './ttrpc-frame.ts';
import { encodeTtrpcMessage, maximumTtrpcData } from './ttrpc-frame.ts';

interface Decoded {
  readonly messages: TtrpcMessage[];
  readonly oversized: { streamId: number; type: number; length: number }[];
}

function decode(chunks: readonly Buffer[]): Decoded {
  const decoded: Decoded = { messages: [], oversized: [] };
  const decoder = new TtrpcDecoder({
    onMessage: (message) => decoded.messages.push({ ...message, data: Buffer.from(message.data) }),
    onOversized: (streamId, type, length) => decoded.oversized.push({ streamId, type, length }),
  });
  for (const chunk of chunks) decoder.push(chunk);
  return decoded;
}

const message = fc.record({
  streamId: fc.nat({ max: 0xffff_ffff }),
  type: fc.constantFrom(1, 2, 3),
  data: fc.uint8Array({ maxLength: 200 }),
});

describe('TtrpcDecoder', () => {
  it('gives back every message, however the stream is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.integer({ min: 1, max: 50 }), (sent, size) => {
        const stream = Buffer.concat(
          sent.map(({ streamId, type, data }) => encodeTtrpcMessage(streamId, type, data)),
        );
        const chunks = Array.from({ length: Math.ceil(stream.length / size) }, (_, index) =>
          stream.subarray(index * size, (index + 1) * size),
        );
        expect(decode(chunks).messages).toEqual(
          sent.map(({ streamId, type, data }) => ({ streamId, type, flags: 0, data: Buffer.from(data) })),
        );
      }),
    );
  });

  it('drops the bytes of a message over 4 MiB and goes on with the next one', () => {
    const length = maximumTtrpcData + 1;
    const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 5, 1, 0]);
    header.writeUInt32BE(length, 0);
    const next = encodeTtrpcMessage(7, 1, Buffer.from('next'));
    const chunks = [header, Buffer.alloc(length - 3, 1), Buffer.concat([Buffer.alloc(3, 1), next])];
    expect(decode(chunks)).toEqual({
      oversized: [{ streamId: 5, type: 1, length }],
      messages: [{ streamId: 7, type: 1, flags: 0, data: Buffer.from('next') }],
    });
  });

  it('decodes a message of exactly 4 MiB', () => {
    const data = Buffer.alloc(maximumTtrpcData, 3);
    const stream = encodeTtrpcMessage(1, 2, data);
    const decoded = decode([stream.subarray(0, 4096), stream.subarray(4096)]);
    expect(decoded.messages[0]?.data.length).toBe(maximumTtrpcData);
    expect(data.equals(decoded.messages[0]!.data)).toBe(true);
  });

  it('takes any bytes without an error', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 10 }), (chunks) => {
        const decoded = decode(chunks.map((chunk) => Buffer.from(chunk)));
        const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        expect(decoded.messages.length + decoded.oversized.length).toBeLessThanOrEqual(bytes / 10);
      }),
      { numRuns: 1000 },
    );
  });
});
