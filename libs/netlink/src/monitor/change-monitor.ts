import type { FdWatch } from '@patchbay/ffi';
import { NetlinkSocket } from '../socket/netlink-socket.ts';
import { foreignLibraries } from '../system/foreign-libraries.ts';
import { SystemCallError } from '../system/system-error.ts';
import type { ReferencedNamespace } from '../wire/message-writer.ts';
import { changeFilter, type ChangeScope } from './change-filter.ts';
import type { ChangeGroup } from './route-event.ts';
import { routeGroupNumbers } from './route-groups.ts';

/** What a {@link ChangeMonitor} watches, and who is told. */
export interface ChangeMonitorOptions {
  /** Default: the namespace that this thread is in. The monitor works on after the namespace object is closed. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
  /** Of routes only those count whose destination is at least as large as an eighth of all addresses ({@link widestRoutePrefix}). */
  readonly groups: readonly ChangeGroup[];
  /** Subsystems whose uevents count, too: `net`, `pci`. Those of software links do not; of them the groups tell. */
  readonly subsystems?: readonly string[];
  /** Called once after {@link ChangeMonitor.arm} when something has changed, and not again before it is armed again. */
  onChange(): void;
}

/** `NETLINK_ROUTE` and `NETLINK_KOBJECT_UEVENT` (linux/netlink.h); of the latter, group 1 is the kernel's own. */
const protocols = { route: 0, uevent: 15 } as const;
const kernelUevents = 1;
/** Enough for "something has changed"; what does not fit is dropped by the kernel, at less cost than if it were received. */
const receiveBuffer = 64 * 1024;
/** In the path of a device that is a software link, and of whatever belongs to it. */
const softwareLink = '@/devices/virtual/net/';
/** The largest uevent is 2 KiB of properties (`UEVENT_BUFFER_SIZE`, linux/kobject.h) and a path. */
const receiveSize = 8 * 1024;

/**
 * Tells that something has changed, not what: for those who read the state anew anyway. Between being told and arming it again, events cost
 * this process nothing at all, however many there are; the kernel drops them, and none is lost, because one is enough. Keeps the process
 * alive until it is closed.
 */
export class ChangeMonitor {
  readonly #options: ChangeMonitorOptions;
  readonly #sources: ChangeSource[] = [];
  #told = false;
  #closed = false;

  private constructor(options: ChangeMonitorOptions) {
    this.#options = options;
    const { groups, subsystems = [], namespace } = options;
    const where = namespace === undefined ? {} : { namespace };
    try {
      this.#sources.push(new RouteSource(groups, where));
      if (subsystems.length > 0) this.#sources.push(new UeventSource(subsystems, where));
      this.#watch();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Starts watching: whatever happens after it returns is reported, as after {@link arm}.
   *
   * @throws SystemCallError when the namespace cannot be entered or the kernel refuses the sockets
   */
  static open(options: ChangeMonitorOptions): ChangeMonitor {
    return new ChangeMonitor(options);
  }

  /** Whether something has changed since the monitor was armed, also if it has not been told yet. */
  get changed(): boolean {
    return this.#told || this.#sources.some((source) => source.hasChanged());
  }

  /** From now on only what is in the scope counts; what has been heard before does still. At first everything counts. */
  set scope(scope: ChangeScope) {
    for (const source of this.#sources) source.narrow(scope);
  }

  /** Forgets what has changed until now: call it before reading the state. Whatever happens afterwards is told. Repeatable. */
  arm(): void {
    if (this.#closed) return;
    for (const source of this.#sources) source.forget();
    if (!this.#told) return;
    this.#told = false;
    this.#watch();
  }

  /** Repeatable. Nothing is called after it returns. */
  close(): void {
    this.#closed = true;
    for (const source of this.#sources) source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #watch(): void {
    for (const source of this.#sources) source.watch(() => this.#tell());
  }

  #tell(): void {
    if (this.#told || this.#closed) return;
    this.#told = true;
    for (const source of this.#sources) source.unwatch();
    this.#options.onChange();
  }
}

/** One socket that changes are heard by. */
abstract class ChangeSource {
  protected readonly socket: NetlinkSocket;
  #watch: FdWatch | undefined;

  constructor(socket: NetlinkSocket) {
    this.socket = socket;
  }

  watch(onChange: () => void): void {
    this.#watch ??= foreignLibraries().poll(this.socket.fd, () => {
      if (this.#watch !== undefined && this.hasChanged()) onChange();
    });
  }

  unwatch(): void {
    this.#watch?.close();
    this.#watch = undefined;
  }

  close(): void {
    this.unwatch();
    this.socket.close();
  }

  /** Whether something that counts has been received since it was last forgotten. */
  abstract hasChanged(): boolean;
  abstract forget(): void;

  /** From now on only what is in the scope counts. */
  narrow(_scope: ChangeScope): void {}
}

type Where = Pick<ChangeMonitorOptions, 'namespace'>;

class RouteSource extends ChangeSource {
  constructor(groups: readonly ChangeGroup[], where: Where) {
    const numbers = groups.flatMap((group) => routeGroupNumbers[group]);
    const filter = changeFilter({ crossingPairs: true });
    super(
      NetlinkSocket.open({
        protocol: protocols.route,
        ...{ groups: numbers, receiveBuffer, filter, dropsSilently: true },
        ...where,
      }),
    );
  }

  hasChanged(): boolean {
    return this.socket.hasDatagram();
  }

  forget(): void {
    this.socket.discardAll();
  }

  override narrow(scope: ChangeScope): void {
    this.socket.filter = changeFilter(scope);
  }
}

/** A filter that the kernel could run would have to find the subsystem in a text. */
class UeventSource extends ChangeSource {
  readonly #properties: readonly Buffer[];
  readonly #bytes = Buffer.allocUnsafeSlow(receiveSize);
  #changed = false;

  constructor(subsystems: readonly string[], where: Where) {
    super(
      NetlinkSocket.open({ protocol: protocols.uevent, groups: [kernelUevents], receiveBuffer, ...where }),
    );
    this.#properties = subsystems.map((name) => Buffer.from(`\0SUBSYSTEM=${name}\0`));
  }

  hasChanged(): boolean {
    while (!this.#changed) {
      try {
        const length = this.socket.receive(this.#bytes);
        if (length === undefined) return false;
        const received = this.#bytes.subarray(0, Math.min(length, receiveSize));
        this.#changed =
          !received.includes(softwareLink) &&
          this.#properties.some((property) => received.includes(property));
      } catch (error) {
        if (!(error instanceof SystemCallError && error.code === 'ENOBUFS')) throw error;
        // Among those that were lost may have been one that counts.
        this.#changed = true;
      }
    }
    return true;
  }

  forget(): void {
    this.#changed = false;
    this.socket.discardAll();
  }
}
