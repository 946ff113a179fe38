import { randomInt } from 'node:crypto';
import { closeSync } from 'node:fs';
import { enterNamespace, insideNamespace } from '../namespace/inside-namespace.ts';
import { libc } from '../system/libc.ts';
import { SystemCallError } from '../system/system-error.ts';
import type { DatagramBatch } from './datagram-batch.ts';
import type { SocketFilter } from './socket-filter.ts';

// linux/socket.h, linux/netlink.h
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const SO_ATTACH_FILTER = 26;
const SO_RCVBUFFORCE = 33;
const SOL_NETLINK = 270;
const MSG_PEEK = 0x2;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
/** `SIOCGSKNS` (linux/sockios.h): opens the namespace that a socket is in. */
const getSocketNamespace = 0x894cn;
/** `SIOCGIFINDEX` (linux/sockios.h): the index of a network link, which every kind of socket tells. */
const getLinkIndex = 0x8933n;
/** `struct ifreq` (linux/if.h): a name of 16 bytes, then the answer. */
const linkRequest = Buffer.alloc(40);
const linkRequestName = 16;
const anyAddress = Buffer.from([AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
const one = Buffer.from([1, 0, 0, 0]);
const nothing = Buffer.alloc(1);
/** Numbers of sockets between those of processes, which end at 2^22, and those that the kernel chooses when that is taken, from 2^31 on. */
const lowestOwnNumber = 2 ** 23;
const highestOwnNumber = 2 ** 31;
const again = 11;
const addressInUse = 98;
const noDevice = 19;
const noBuffers = 105;

/** Options of a netlink socket (`NETLINK_*`, linux/netlink.h), by name. */
const options = {
  membership: 1,
  noBufferErrors: 5,
  listenAllNamespaces: 8,
  capAck: 10,
  extAck: 11,
  strictCheck: 12,
} as const;

/** What a socket is for. */
export interface NetlinkSocketOptions {
  /** `NETLINK_*` (linux/netlink.h): 0 is rtnetlink, 15 uevents. */
  readonly protocol: number;
  /** Opened there; stays there for good. Default: this thread's namespace. */
  readonly namespace?: { readonly fd: number; readonly path: string };
  /** Multicast groups to join, by number. */
  readonly groups?: readonly number[];
  /** Whether to hear those groups also of the namespaces that have a number in this one (`NETLINK_LISTEN_ALL_NSID`); needs CAP_NET_BROADCAST. */
  readonly allNamespaces?: boolean;
  /** How many bytes may wait to be received. */
  readonly receiveBuffer?: number;
  /** Decides in the kernel which datagrams are received. */
  readonly filter?: SocketFilter;
  /** Whether datagrams that do not fit are dropped without a word, and later ones received (`NETLINK_NO_ENOBUFS`). */
  readonly dropsSilently?: boolean;
  /** Whether requests are answered with text and without repeating them, and checked strictly. */
  readonly requests?: boolean;
}

/** A bare netlink socket: bytes out and in, none of it waiting. */
export class NetlinkSocket {
  readonly fd: number;
  readonly #options: NetlinkSocketOptions;
  #open = true;

  private constructor(fd: number, socketOptions: NetlinkSocketOptions) {
    this.fd = fd;
    this.#options = socketOptions;
  }

  /**
   * @throws SystemCallError when the kernel refuses it
   */
  static open(socketOptions: NetlinkSocketOptions): NetlinkSocket {
    const { namespace } = socketOptions;
    const open = () => openHere(socketOptions);
    const fd =
      namespace === undefined
        ? open()
        : insideNamespace(() => enterNamespace(namespace.fd, namespace.path), open);
    return new NetlinkSocket(fd, socketOptions);
  }

  /** Decides from now on which datagrams are received; those that wait already stay. */
  set filter(filter: SocketFilter) {
    setOption(this.fd, SOL_SOCKET, SO_ATTACH_FILTER, filter.program);
  }

  /** Opens another socket like this one in the same namespace, whose own descriptor may be closed by now. */
  openAnother(): NetlinkSocket {
    if (this.#options.namespace === undefined) return NetlinkSocket.open(this.#options);
    const fd = this.openNamespace();
    try {
      const namespace = { fd, path: this.#options.namespace.path };
      return new NetlinkSocket(
        insideNamespace(
          () => enterNamespace(fd, namespace.path),
          () => openHere(this.#options),
        ),
        this.#options,
      );
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Opens the namespace that the socket is in. The descriptor is the caller's to close.
   *
   * @throws SystemCallError with code EPERM without CAP_NET_ADMIN there
   */
  openNamespace(): number {
    const { ioctl } = libc();
    const fd = ioctl.call(this.fd, getSocketNamespace, 0);
    if (fd === -1) throw new SystemCallError("opening the socket's namespace", ioctl.errno);
    return fd;
  }

  /** Index of the link with this name or altname in the socket's namespace; undefined when there is none. */
  linkIndex(name: string): number | undefined {
    const { ioctlStructure: ioctl } = libc();
    linkRequest.fill(0);
    if (linkRequest.write(name) >= linkRequestName) return undefined;
    if (ioctl.call(this.fd, getLinkIndex, linkRequest) === 0) return linkRequest.readInt32LE(linkRequestName);
    if (ioctl.errno === noDevice) return undefined;
    throw new SystemCallError(`looking for link ${name}`, ioctl.errno);
  }

  /** Sends, and returns when the kernel has done what the messages ask. */
  send(bytes: Buffer, length: number): void {
    const { send } = libc();
    if (send.call(this.fd, bytes, length, 0) < 0)
      throw new SystemCallError('sending to the kernel', send.errno);
  }

  /** Sends on a thread of libuv's pool. The bytes must stay as they are until then. */
  async sendAsync(bytes: Buffer): Promise<void> {
    const sent = await libc().send.callAsync(this.fd, bytes, bytes.length, 0);
    // Its errno is lost; a send that failed did nothing, so it can be repeated to learn why.
    if (sent < 0) this.send(bytes, bytes.length);
  }

  /**
   * Receives one datagram if there is one.
   *
   * @returns its length, which is more than the buffer's if it was cut; undefined when there is none
   * @throws SystemCallError with code ENOBUFS when messages were lost
   */
  receive(buffer: Buffer): number | undefined {
    const { recv } = libc();
    const length = recv.call(this.fd, buffer, buffer.length, MSG_DONTWAIT | MSG_TRUNC);
    if (length >= 0) return length;
    if (recv.errno === again) return undefined;
    throw new SystemCallError('receiving from the kernel', recv.errno);
  }

  /** Whether there is a datagram to receive. */
  hasDatagram(): boolean {
    const { recv } = libc();
    if (recv.call(this.fd, nothing, 0, MSG_DONTWAIT | MSG_PEEK | MSG_TRUNC) >= 0) return true;
    if (recv.errno === again) return false;
    throw new SystemCallError('looking for datagrams of the kernel', recv.errno);
  }

  /** Drops all datagrams that wait, without copying them, and forgets that some were lost. */
  discardAll(): void {
    const { recv } = libc();
    while (recv.call(this.fd, nothing, 0, MSG_DONTWAIT | MSG_TRUNC) >= 0 || recv.errno === noBuffers);
    if (recv.errno !== again) throw new SystemCallError('receiving from the kernel', recv.errno);
  }

  /**
   * Receives as many datagrams as there are and the batch has room for.
   *
   * @returns how many
   * @throws SystemCallError with code ENOBUFS when messages were lost
   */
  receiveBatch(batch: DatagramBatch): number {
    const { recvmmsg } = libc();
    const count = recvmmsg.call(this.fd, batch.headers, batch.capacity, MSG_DONTWAIT | MSG_TRUNC, 0n);
    if (count >= 0) return count;
    if (recvmmsg.errno === again) return 0;
    throw new SystemCallError('receiving from the kernel', recvmmsg.errno);
  }

  /** As {@link receive}, on a thread of libuv's pool, because producing the next piece of a dump may wait for a lock. */
  async receiveAsync(buffer: Buffer): Promise<number | undefined> {
    const length = await libc().recv.callAsync(this.fd, buffer, buffer.length, MSG_DONTWAIT | MSG_TRUNC);
    return length >= 0 ? length : this.receive(buffer);
  }

  /** Repeatable. */
  close(): void {
    if (this.#open) closeSync(this.fd);
    this.#open = false;
  }
}

function openHere({
  protocol,
  groups = [],
  allNamespaces = false,
  receiveBuffer,
  filter,
  dropsSilently = false,
  requests = false,
}: NetlinkSocketOptions): number {
  const { socket, setsockopt } = libc();
  const fd = socket.call(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  if (fd === -1) throw new SystemCallError('opening a netlink socket', socket.errno);
  const set = (level: number, option: number, value: Buffer) => setOption(fd, level, option, value);
  try {
    if (receiveBuffer !== undefined) {
      const size = uint32(receiveBuffer);
      // Without CAP_NET_ADMIN it can be raised only up to net.core.rmem_max, and reading needs no privilege.
      const forced = setsockopt.call(fd, SOL_SOCKET, SO_RCVBUFFORCE, size, size.length) === 0;
      if (!forced) set(SOL_SOCKET, SO_RCVBUF, size);
    }
    if (requests) {
      set(SOL_NETLINK, options.extAck, one);
      set(SOL_NETLINK, options.capAck, one);
      set(SOL_NETLINK, options.strictCheck, one);
    }
    if (filter !== undefined) set(SOL_SOCKET, SO_ATTACH_FILTER, filter.program);
    if (dropsSilently) set(SOL_NETLINK, options.noBufferErrors, one);
    if (allNamespaces) set(SOL_NETLINK, options.listenAllNamespaces, one);
    // Those that send are bound by the kernel when they do so for the first time.
    if (groups.length > 0) bindToListen(fd);
    for (const group of groups) set(SOL_NETLINK, options.membership, uint32(group));
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function setOption(fd: number, level: number, option: number, value: Buffer): void {
  const { setsockopt } = libc();
  if (setsockopt.call(fd, level, option, value, value.length) !== 0)
    throw new SystemCallError(`setting option ${option} of a netlink socket`, setsockopt.errno);
}

/**
 * Binds a socket that listens to a number that the kernel gives to none of its own accord. Whoever asks for an echo of a change is not told
 * of it by its group as well, and the kernel takes a socket of the same number in another namespace for the same (`nlmsg_notify` in
 * net/netlink/af_netlink.c): the first socket of this process in a pod has the same number as the first on the host.
 */
function bindToListen(fd: number): void {
  const { bind } = libc();
  for (;;) {
    const address = Buffer.from(anyAddress);
    address.writeUInt32LE(randomInt(lowestOwnNumber, highestOwnNumber), 4);
    if (bind.call(fd, address, address.length) === 0) return;
    if (bind.errno !== addressInUse) throw new SystemCallError('binding a netlink socket', bind.errno);
  }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
