import { closeSync, writeSync } from 'node:fs';
import type { FdWatch } from '../fd-watch.ts';
import type { ForeignFunction, ForeignLibrary } from '../foreign-library.ts';

// linux/eventpoll.h and linux/eventfd.h
const EPOLL_CLOEXEC = 0o2000000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 0x1;
const EPOLLONESHOT = 0x4000_0000;
const EFD_CLOEXEC = 0o2000000;
const EFD_NONBLOCK = 0o4000;
/** The structure is packed on x86-64 only. */
const eventSize = process.arch === 'x64' ? 12 : 16;
const dataOffset = eventSize - 8;
const maxEvents = 64;

/**
 * Waits for descriptors where libuv's own polling cannot be reached: one thread of libuv's pool sits in epoll_wait(2) for all watches
 * together, as long as there are any. An eventfd in the set calls it back when the last watch closes and when the process exits, which
 * otherwise would wait for that thread for ever.
 */
export class EpollThread {
  readonly #control: ForeignFunction<readonly ['int', 'int', 'int', 'buffer'], 'int'>;
  readonly #wait: ForeignFunction<readonly ['int', 'buffer', 'int', 'int'], 'int'>;
  readonly #createEpoll: ForeignFunction<readonly ['int'], 'int'>;
  readonly #createEvent: ForeignFunction<readonly ['uint', 'int'], 'int'>;
  readonly #watches = new Map<number, () => void>();
  readonly #event = Buffer.alloc(eventSize);
  #session: EpollSession | undefined;

  /** @param libc the library that has epoll_wait */
  constructor(libc: ForeignLibrary) {
    this.#createEpoll = libc.declare({
      name: 'epoll_create1',
      parameters: ['int'],
      result: 'int',
      errno: true,
    });
    this.#createEvent = libc.declare({
      name: 'eventfd',
      parameters: ['uint', 'int'],
      result: 'int',
      errno: true,
    });
    this.#control = libc.declare({
      name: 'epoll_ctl',
      parameters: ['int', 'int', 'int', 'buffer'],
      result: 'int',
      errno: true,
    });
    this.#wait = libc.declare({
      name: 'epoll_wait',
      parameters: ['int', 'buffer', 'int', 'int'],
      result: 'int',
    });
  }

  /** @throws Error when epoll does not take the descriptor */
  watch(fd: number, onReadable: () => void): FdWatch {
    const session = (this.#session ??= this.#open());
    try {
      this.#arm(session, EPOLL_CTL_ADD, fd);
    } catch (error) {
      if (this.#watches.size === 0) this.#end(session);
      throw error;
    }
    this.#watches.set(fd, onReadable);
    let open = true;
    return {
      close: () => {
        if (!open) return;
        open = false;
        this.#watches.delete(fd);
        this.#control.call(session.epoll, EPOLL_CTL_DEL, fd, this.#event);
        if (this.#watches.size === 0) this.#end(session);
      },
    };
  }

  #open(): EpollSession {
    const epoll = this.#createEpoll.call(EPOLL_CLOEXEC);
    if (epoll === -1) throw new Error(`cannot create an epoll instance: errno ${this.#createEpoll.errno}`);
    const wakeUp = this.#createEvent.call(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wakeUp === -1) {
      closeSync(epoll);
      throw new Error(`cannot create an eventfd: errno ${this.#createEvent.errno}`);
    }
    const session = new EpollSession(epoll, wakeUp);
    this.#arm(session, EPOLL_CTL_ADD, wakeUp);
    void this.#run(session);
    return session;
  }

  #end(session: EpollSession): void {
    if (this.#session === session) this.#session = undefined;
    session.end();
  }

  #arm(session: EpollSession, operation: number, fd: number): void {
    this.#event.writeUInt32LE(EPOLLIN | (fd === session.wakeUp ? 0 : EPOLLONESHOT), 0);
    this.#event.writeBigInt64LE(BigInt(fd), dataOffset);
    if (this.#control.call(session.epoll, operation, fd, this.#event) === -1) {
      throw new Error(
        `cannot watch file descriptor ${fd}: epoll_ctl failed with errno ${this.#control.errno}`,
      );
    }
  }

  async #run(session: EpollSession): Promise<void> {
    const events = Buffer.alloc(eventSize * maxEvents);
    while (!session.ended) {
      // -1 is EINTR: the descriptors are valid as long as the session lives.
      const count = await this.#wait.callAsync(session.epoll, events, maxEvents, -1);
      for (let index = 0; index < count; index++) {
        this.#deliver(session, events.readInt32LE(index * eventSize + dataOffset));
      }
    }
    session.close();
  }

  #deliver(session: EpollSession, fd: number): void {
    const onReadable = this.#watches.get(fd);
    if (onReadable === undefined || session.ended) return;
    try {
      onReadable();
    } catch (error) {
      // As with libuv's polling, a throwing callback is an uncaught exception and does not end the other watches.
      setImmediate(() => {
        throw error;
      });
    }
    if (this.#watches.get(fd) === onReadable && !session.ended) this.#arm(session, EPOLL_CTL_MOD, fd);
  }
}

/** The descriptors of one stay in epoll_wait; closed only after the thread has left. */
class EpollSession {
  readonly epoll: number;
  readonly wakeUp: number;
  ended = false;
  readonly #onExit = (): void => this.#wake();

  constructor(epoll: number, wakeUp: number) {
    this.epoll = epoll;
    this.wakeUp = wakeUp;
    process.on('exit', this.#onExit);
  }

  end(): void {
    this.ended = true;
    this.#wake();
  }

  close(): void {
    process.off('exit', this.#onExit);
    closeSync(this.epoll);
    closeSync(this.wakeUp);
  }

  #wake(): void {
    const one = Buffer.alloc(8);
    one.writeUInt8(1);
    writeSync(this.wakeUp, one);
  }
}
