import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MuxDecoder } from './mux-decoder.ts';
import { MuxFrameTooLargeError, maximumFirstPayload, maximumMuxPayload, muxFrames } from './mux-frame.ts';

/** All bytes of each connection, in order. */
function decode(chunks: readonly Buffer[]): Map<number, Buffer> {
  const streams = new Map<number, Buffer[]>();
  const decoder = new MuxDecoder((connectionId, bytes) => {
    streams.set(connectionId, [...(streams.get(connectionId) ?? []), bytes]);
  });
  for (const chunk of chunks) decoder.push(chunk);
  return new Map([...streams].map(([id, parts]) => [id, Buffer.concat(parts)]));
}

/** The payload lengths of a sequence of frames. */
function payloadLengths(frames: Buffer): number[] {
  const lengths: number[] = [];
  for (let offset = 0; offset < frames.length; offset += 8 + (lengths.at(-1) ?? 0)) {
    lengths.push(frames.readUInt32BE(offset + 4));
  }
  return lengths;
}

describe('muxFrames', () => {
  it.each([0, 1, 4095, 4096])('sends a message of %i bytes in one frame', (length) => {
    expect(payloadLengths(muxFrames(1, Buffer.alloc(length)))).toEqual([length]);
  });

  it.each([4097, 100_000, maximumMuxPayload])(
    'sends a message of %i bytes in two frames, the first with 4,096 bytes of it',
    (length) => {
      expect(payloadLengths(muxFrames(1, Buffer.alloc(length)))).toEqual([
        maximumFirstPayload,
        length - maximumFirstPayload,
      ]);
    },
  );

  it('refuses a message that the protocol has no room for', () => {
    expect(() => muxFrames(1, Buffer.alloc(maximumMuxPayload + 1))).toThrow(MuxFrameTooLargeError);
  });
});

describe('MuxDecoder', () => {
  const messages = fc.array(
    fc.record({ connectionId: fc.constantFrom(1, 2, 7), data: fc.uint8Array({ maxLength: 300 }) }),
    { maxLength: 8 },
  );

  it('gives back every connection’s bytes, however the stream is cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(messages, cuts, (sent, sizes) => {
        const stream = Buffer.concat(sent.map(({ connectionId, data }) => muxFrames(connectionId, data)));
        const chunks: Buffer[] = [];
        for (let offset = 0, i = 0; offset < stream.length; i++) {
          const size = sizes[i % sizes.length]!;
          chunks.push(stream.subarray(offset, (offset += size)));
        }
        const received = decode(chunks);
        for (const id of [1, 2, 7]) {
          const expected = sent.filter(({ connectionId }) => connectionId === id).map(({ data }) => data);
          expect(received.get(id) ?? Buffer.alloc(0)).toEqual(Buffer.concat(expected));
        }
      }),
    );
  });

  it('decodes a message over 4 KB that is cut at every byte', () => {
    const message = Buffer.from(Array.from({ length: 5000 }, (_, index) => index % 251));
    const stream = muxFrames(2, message);
    expect(decode(Array.from(stream, (_, index) => stream.subarray(index, index + 1))).get(2)).toEqual(
      message,
    );
  });

  it('refuses a frame over 4 MiB + 10 bytes, naming connection and length', () => {
    const header = Buffer.from('0000000100400010', 'hex');
    expect(() => decode([header])).toThrow(/4194320 bytes on connection 1, allowed are 4194314/);
  });

  it('never does anything but decode or refuse', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 10 }), (chunks) => {
        try {
          decode(chunks.map((chunk) => Buffer.from(chunk)));
        } catch (error) {
          expect(error).toBeInstanceOf(MuxFrameTooLargeError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
