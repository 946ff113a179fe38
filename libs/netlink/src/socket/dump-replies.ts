import { readAcknowledgement } from '../wire/acknowledgement.ts';
import { controlTypes, messageFlags } from '../wire/message-header.ts';
import { MessageReader } from '../wire/message-reader.ts';
import { NetlinkError } from './netlink-error.ts';

/** Collects the objects that a dump returns. */
export class DumpReplies<T> {
  readonly objects: T[] = [];
  /** Whether the kernel's state changed in between, so that objects may be missing or twice. */
  interrupted = false;
  readonly #operation: string;
  readonly #sequence: number;
  readonly #decode: (message: MessageReader) => T | undefined;

  /** @param decode returns undefined for messages to be left out */
  constructor(operation: string, sequence: number, decode: (message: MessageReader) => T | undefined) {
    this.#operation = operation;
    this.#sequence = sequence;
    this.#decode = decode;
  }

  /**
   * Takes a received datagram.
   *
   * @returns whether it was the last one
   * @throws NetlinkError when the kernel refuses the dump
   */
  take(buffer: Buffer, length: number): boolean {
    const message = new MessageReader(buffer, length);
    while (message.next()) {
      if (message.sequence !== this.#sequence) continue;
      if ((message.flags & messageFlags.dumpInterrupted) !== 0) this.interrupted = true;
      if (message.type === controlTypes.error || message.type === controlTypes.done) {
        const { errno, text } = readAcknowledgement(message);
        if (errno !== 0) throw new NetlinkError(this.#operation, errno, text);
        return true;
      }
      const object = this.#decode(message);
      if (object !== undefined) this.objects.push(object);
    }
    return false;
  }
}
