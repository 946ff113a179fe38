import { MalformedMessageError } from '../wire/malformed-message-error.ts';
import { MessageReader } from '../wire/message-reader.ts';
import type { ReferencedNamespace } from '../wire/message-writer.ts';
import { MulticastReceiver } from './multicast-receiver.ts';
import type { RouteEvent, RouteGroup } from './route-event.ts';
import { decodeRouteEvent } from './route-event-decoder.ts';
import { routeGroupNumbers } from './route-groups.ts';

/** What a {@link RouteMonitor} watches, and who is told. */
export interface RouteMonitorOptions {
  /** Default: the namespace that this thread is in. The monitor works on after the namespace object is closed. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
  readonly groups: readonly RouteGroup[];
  /** Called with what happened since the last call, in the kernel's order. */
  onEvents(events: readonly RouteEvent[]): void;
  /** Called when events were lost because they came faster than they were read, after those that were not: read the state anew. */
  onOverflow(): void;
}

/** `NETLINK_ROUTE`. */
const protocol = 0;

/** Tells what changes in a network namespace, until it is closed. Events are hints: an overflow loses some. Keeps the process alive. */
export class RouteMonitor {
  readonly #receiver: MulticastReceiver;

  private constructor(receiver: MulticastReceiver) {
    this.#receiver = receiver;
  }

  /**
   * Starts watching: whatever happens after it returns is reported.
   *
   * @throws SystemCallError when the namespace cannot be entered or the kernel refuses the socket
   */
  static open(options: RouteMonitorOptions): RouteMonitor {
    let events: RouteEvent[] = [];
    const { namespace } = options;
    const receiver = new MulticastReceiver({
      protocol,
      groups: options.groups.flatMap((group) => routeGroupNumbers[group]),
      ...(namespace === undefined ? {} : { namespace }),
      onDatagram(bytes, length) {
        try {
          collectEvents(bytes, length, events);
        } catch (error) {
          if (!(error instanceof MalformedMessageError)) throw error;
          options.onOverflow();
        }
      },
      onTurn() {
        const turn = events;
        events = [];
        if (turn.length > 0) options.onEvents(turn);
      },
      onLost: () => options.onOverflow(),
    });
    return new RouteMonitor(receiver);
  }

  /** Repeatable. Nothing is called after it returns. */
  close(): void {
    this.#receiver.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function collectEvents(bytes: Buffer, length: number, events: RouteEvent[]): void {
  const message = new MessageReader(bytes, length);
  while (message.next()) {
    const event = decodeRouteEvent(message);
    if (event !== undefined) events.push(event);
  }
}
