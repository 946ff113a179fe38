import { messageFlags } from '../wire/message-header.ts';
import { type HeldNamespace, MessageWriter } from '../wire/message-writer.ts';

/** A message that is written when it is sent. */
export interface NetlinkRequest {
  readonly operation: string;
  readonly type: number;
  /** `NLM_F_*` besides request and acknowledgement. */
  readonly flags: number;
  write(writer: MessageWriter): void;
}

/** Messages as bytes that will be sent later. */
export interface StoredBatch {
  readonly bytes: Buffer;
  /** Lets go of the namespaces to which the messages refer. */
  release(): void;
}

/** Nothing runs between writing and sending or storing, so that all batches are written into the same memory. */
const writer = new MessageWriter(16 * 1024);

/**
 * Writes requests one after another for one send. The kernel carries them out in this order and does not stop at a failure; only the last one
 * is acknowledged when it succeeds.
 *
 * @param firstSequence sequence number of the first; the others count on from it
 * @returns the bytes, until the next call
 * @throws RequestInvalidError when one cannot be written
 */
export function writeBatch(requests: readonly NetlinkRequest[], firstSequence: number): MessageWriter {
  writer.reset();
  let sequence = firstSequence;
  let last: NetlinkRequest | undefined;
  for (const request of requests) {
    writer.beginMessage(request.type, request.flags | messageFlags.request, sequence);
    request.write(writer);
    writer.endMessage();
    sequence = (sequence + 1) | 0;
    last = request;
  }
  // A dump ends with a message of its own.
  if (last !== undefined && !isDump(last)) writer.addFlags(messageFlags.ack);
  return writer;
}

/** As {@link writeBatch}, for later: the bytes are copied, and namespaces stay open until the batch is released. */
export function storeBatch(requests: readonly NetlinkRequest[], firstSequence: number): StoredBatch {
  const { buffer, length, namespaces } = writeBatch(requests, firstSequence);
  const held: HeldNamespace[] = namespaces.map((namespace) => namespace.hold());
  return {
    bytes: Buffer.from(buffer.subarray(0, length)),
    release() {
      for (const namespace of held) namespace.release();
    },
  };
}

/** Flags for changes use the same bits, and their messages have numbers that are no multiple of four plus two. */
function isDump({ type, flags }: NetlinkRequest): boolean {
  const getMessage = 2;
  return (type & 3) === getMessage && (flags & messageFlags.dump) === messageFlags.dump;
}
