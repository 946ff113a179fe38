import { linkHeaderSize, linkMessages } from '../route/link/link-attributes.ts';
import { namespaceIdMessages } from '../route/namespace-id/namespace-id-attributes.ts';
import { decodeNamespaceId } from '../route/namespace-id/namespace-id-decoder.ts';
import { RouteSocket } from '../route/route-socket.ts';
import { MalformedMessageError } from '../wire/malformed-message-error.ts';
import { MessageReader } from '../wire/message-reader.ts';
import type { ReferencedNamespace } from '../wire/message-writer.ts';
import { MulticastReceiver } from './multicast-receiver.ts';
import type { NamespaceLinkEvent } from './namespace-link-event.ts';
import { decodeLinkEvent } from './route-event-decoder.ts';

/** What a {@link NamespaceLinkMonitor} watches, and who is told. */
export interface NamespaceLinkMonitorOptions {
  /** Where the numbers count. Default: the namespace that this thread is in. The monitor works on after the namespace object is closed. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
  /**
   * Asked before an event of a link is decoded: one that is not wanted costs 2 µs instead of 7.
   * Default: all are wanted.
   */
  wants?(linkIndex: number, namespaceId: number | undefined): boolean;
  /** Called with what happened since the last call, in the kernel's order. */
  onEvents(events: readonly NamespaceLinkEvent[]): void;
  /** Called when events were lost because they came faster than they were read, after those that were not: read the state anew. */
  onOverflow(): void;
}

/** `NETLINK_ROUTE`. */
const protocol = 0;
/** `RTNLGRP_LINK` and `RTNLGRP_NSID` (linux/rtnetlink.h). */
const groups = [1, 28];

/**
 * Tells of the links of a network namespace and of all others that have a number there ({@link RouteSocket.assignNamespaceId}), by one socket
 * that keeps none of them alive, until it is closed. Those whose number comes later are heard from then on. Keeps the process alive.
 *
 * While it is open the kernel looks for the number of the namespace at each change of a link in another one, one number after another
 * (`peernet2id`, net/core/net_namespace.c), which the changing process pays for: 4 µs among 100 namespaces, 36 µs among 1,000.
 */
export class NamespaceLinkMonitor {
  readonly #options: NamespaceLinkMonitorOptions;
  readonly #receiver: MulticastReceiver;
  readonly #socket: RouteSocket;
  /** A namespace may have a number in itself; then its own events carry it. */
  #ownId: number | undefined;
  #events: NamespaceLinkEvent[] = [];

  private constructor(options: NamespaceLinkMonitorOptions, socket: RouteSocket) {
    const { namespace } = options;
    this.#options = options;
    this.#socket = socket;
    this.#receiver = new MulticastReceiver({
      protocol,
      groups,
      allNamespaces: true,
      ...(namespace === undefined ? {} : { namespace }),
      onDatagram: (bytes, length, namespaceId) => this.#take(bytes, length, namespaceId),
      onTurn: () => this.#endTurn(),
      onLost: () => this.#overflow(),
    });
    try {
      this.#ownId = socket.namespaceId();
    } catch (error) {
      this.#receiver.close();
      throw error;
    }
  }

  /**
   * Starts watching: whatever happens after it returns is reported.
   *
   * @throws SystemCallError when the namespace cannot be entered or the kernel refuses the socket; with code EPERM without CAP_NET_BROADCAST
   */
  static open(options: NamespaceLinkMonitorOptions): NamespaceLinkMonitor {
    const { namespace } = options;
    const socket = RouteSocket.open(namespace === undefined ? {} : { namespace });
    try {
      return new NamespaceLinkMonitor(options, socket);
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  /** Repeatable. Nothing is called after it returns. */
  close(): void {
    this.#receiver.close();
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #take(bytes: Buffer, length: number, from: number | undefined): void {
    try {
      const message = new MessageReader(bytes, length);
      while (message.next()) this.#takeMessage(message, from);
    } catch (error) {
      if (!(error instanceof MalformedMessageError)) throw error;
      this.#options.onOverflow();
    }
  }

  #takeMessage(message: MessageReader, from: number | undefined): void {
    switch (message.type) {
      case linkMessages.new:
      case linkMessages.delete:
        return this.#takeLink(message, from === this.#ownId ? undefined : from);
      case namespaceIdMessages.new:
      case namespaceIdMessages.delete:
        return this.#takeNamespace(message, from);
    }
  }

  #takeLink(message: MessageReader, namespaceId: number | undefined): void {
    const hasHeader = message.end - message.start >= linkHeaderSize;
    const linkIndex = hasHeader ? message.buffer.readInt32LE(message.start + 4) : 0;
    if (this.#options.wants?.(linkIndex, namespaceId) === false) return;
    const event = decodeLinkEvent(message);
    if (event !== undefined) this.#events.push({ ...event, namespaceId });
  }

  #takeNamespace(message: MessageReader, from: number | undefined): void {
    const isNew = message.type === namespaceIdMessages.new;
    // One of the new numbers may be the own namespace's, which then comes with its own events, this one included.
    if (isNew) this.#ownId ??= this.#socket.namespaceId();
    if (from !== undefined && from !== this.#ownId) return;
    const namespaceId = decodeNamespaceId(message);
    if (namespaceId === undefined || namespaceId === this.#ownId) return;
    this.#events.push({ group: 'namespace', action: isNew ? 'new' : 'delete', namespaceId });
  }

  #endTurn(): void {
    const turn = this.#events;
    this.#events = [];
    if (turn.length > 0) this.#options.onEvents(turn);
  }

  #overflow(): void {
    // What was lost may have told that the own namespace has got a number.
    this.#ownId ??= this.#socket.namespaceId();
    this.#options.onOverflow();
  }
}
