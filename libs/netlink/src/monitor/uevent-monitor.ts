import type { ReferencedNamespace } from '../wire/message-writer.ts';
import { MulticastReceiver } from './multicast-receiver.ts';
import { decodeUevent, type Uevent } from './uevent.ts';

/** What a {@link UeventMonitor} watches, and who is told. */
export interface UeventMonitorOptions {
  /** Default: the namespace that this thread is in. Other namespaces than the initial one hear of their own network devices only. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
  /** Called with what happened since the last call, in the kernel's order. */
  onEvents(events: readonly Uevent[]): void;
  /** Called when events were lost because they came faster than they were read: read the state anew. */
  onOverflow(): void;
}

/** `NETLINK_KOBJECT_UEVENT` (linux/netlink.h). */
const protocol = 15;
/** The kernel's own events; group 2 is udev's. */
const kernelGroup = 1;

/** Tells what happens to devices of all sorts, before udev has renamed or configured them, until it is closed. Keeps the process alive. */
export class UeventMonitor {
  readonly #receiver: MulticastReceiver;

  private constructor(receiver: MulticastReceiver) {
    this.#receiver = receiver;
  }

  /**
   * Starts watching: whatever happens after it returns is reported.
   *
   * @throws SystemCallError when the namespace cannot be entered or the kernel refuses the socket
   */
  static open(options: UeventMonitorOptions): UeventMonitor {
    let events: Uevent[] = [];
    const { namespace } = options;
    const receiver = new MulticastReceiver({
      protocol,
      groups: [kernelGroup],
      ...(namespace === undefined ? {} : { namespace }),
      onDatagram(bytes, length) {
        const event = decodeUevent(bytes, length);
        if (event !== undefined) events.push(event);
      },
      onTurn() {
        const turn = events;
        events = [];
        if (turn.length > 0) options.onEvents(turn);
      },
      onLost: () => options.onOverflow(),
    });
    return new UeventMonitor(receiver);
  }

  /** Repeatable. Nothing is called after it returns. */
  close(): void {
    this.#receiver.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
