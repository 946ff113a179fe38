import { type NetlinkRequest, writeBatch } from './request-batch.ts';

/** Two numbers that differ in each of their bytes, and that every field for indexes and descriptors takes. */
const [one, other] = [0x0101_0101, 0x0202_0202];
const sequenceOffset = 8;

/**
 * Requests as bytes, in which one number is left open until they are sent: the index of a link that does not exist yet, or the descriptor of
 * a namespace that is not open yet. Writing requests is a fifth of what attaching a link costs besides the kernel's work; this is for whoever
 * has the time for it earlier.
 */
export class RequestTemplate {
  /** What was written, as far as it is needed to tell which of them failed. */
  readonly requests: readonly Pick<NetlinkRequest, 'operation'>[];
  readonly #bytes: Buffer;
  readonly #sequences: readonly number[];
  readonly #numbers: readonly number[];

  /**
   * @param requestsFor makes the requests for a number; but for it they are always the same
   * @throws RequestInvalidError when one cannot be written; Error when they differ in more than the number, or there are none
   */
  constructor(requestsFor: (number: number) => readonly NetlinkRequest[]) {
    const requests = requestsFor(one);
    if (requests.length === 0) throw new Error('a template has at least one request');
    this.requests = requests.map(({ operation }) => ({ operation }));
    this.#bytes = written(requests);
    this.#sequences = [...beginnings(this.#bytes)].map((start) => start + sequenceOffset);
    this.#numbers = [...differences(this.#bytes, written(requestsFor(other)))];
  }

  /**
   * Fills in what was left open.
   *
   * @param firstSequence sequence number of the first request; the others count on from it
   * @returns the template's own memory: valid until the next call
   */
  fill(firstSequence: number, number: number): Buffer {
    let sequence = firstSequence;
    for (const offset of this.#sequences) {
      this.#bytes.writeInt32LE(sequence, offset);
      sequence = (sequence + 1) | 0;
    }
    for (const offset of this.#numbers) this.#bytes.writeInt32LE(number, offset);
    return this.#bytes;
  }
}

function written(requests: readonly NetlinkRequest[]): Buffer {
  const { buffer, length } = writeBatch(requests, 0);
  return Buffer.from(buffer.subarray(0, length));
}

/** Where the messages begin: each says how long it is. */
function* beginnings(messages: Buffer): Iterable<number> {
  for (let start = 0; start < messages.length; start += messages.readUInt32LE(start)) yield start;
}

/** Where the number is: all integers of four bytes lie on multiples of four. */
function* differences(messages: Buffer, others: Buffer): Iterable<number> {
  for (let offset = 0; offset < messages.length || offset < others.length; offset += 4) {
    const word = messages.subarray(offset, offset + 4);
    if (word.equals(others.subarray(offset, offset + 4))) continue;
    if (word.length < 4 || word.readInt32LE() !== one || others.readInt32LE(offset) !== other)
      throw new Error(`requests of a template differ in more than their number, at byte ${offset}`);
    yield offset;
  }
}
