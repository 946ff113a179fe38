import { readAcknowledgement } from '../wire/acknowledgement.ts';
import { controlTypes } from '../wire/message-header.ts';
import { MessageReader } from '../wire/message-reader.ts';
import { NetlinkError } from './netlink-error.ts';

/** Collects the answers to requests of which only the last is acknowledged; the others answer only when they fail. */
export class BatchReplies {
  readonly #requests: readonly { readonly operation: string }[];
  readonly #firstSequence: number;
  readonly #onReply: ((message: MessageReader) => void) | undefined;
  readonly #errors: NetlinkError[] = [];

  /** @param onReply given each message that answers a request other than by acknowledging it */
  constructor(
    requests: readonly { readonly operation: string }[],
    firstSequence: number,
    onReply?: (message: MessageReader) => void,
  ) {
    this.#requests = requests;
    this.#firstSequence = firstSequence;
    this.#onReply = onReply;
  }

  /**
   * Takes a received datagram.
   *
   * @returns whether it was the last one
   */
  take(buffer: Buffer, length: number): boolean {
    const message = new MessageReader(buffer, length);
    while (message.next()) {
      const index = (message.sequence - this.#firstSequence) | 0;
      const request = this.#requests[index];
      // An earlier call that failed halfway may have left answers behind.
      if (request === undefined) continue;
      if (message.type !== controlTypes.error) {
        this.#onReply?.(message);
        continue;
      }
      const { errno, text } = readAcknowledgement(message);
      if (errno !== 0) this.#errors.push(new NetlinkError(request.operation, errno, text, index));
      if (index === this.#requests.length - 1) return true;
    }
    return false;
  }

  /** What the kernel refused, in the order of the requests. */
  get errors(): readonly NetlinkError[] {
    return this.#errors;
  }

  /** @throws NetlinkError of the first request that failed */
  check(): void {
    const [first] = this.#errors;
    if (first !== undefined) throw first;
  }
}
