import { closeSync } from 'node:fs';
import type { FdWatch, ForeignLibraries } from '@patchbay/ffi';
import { type NetworkNamespace, SystemCallError } from '@patchbay/netlink';
import { type SystemCalls, systemCalls } from './system-calls.ts';

// linux/socket.h, linux/if_packet.h
const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_ATTACH_FILTER = 26;
const MSG_DONTWAIT = 0x40;
/** `PACKET_OUTGOING`: what this machine sent itself. */
const packetOutgoing = 4;
/** `struct sockaddr_ll`: family at 0, protocol at 2, link at 4, packet type at 10, length of the address at 11, the address at 12. */
const addressSize = 20;
const largestPacket = 64 * 1024;

/** Protocols above Ethernet (linux/if_ether.h). */
export const etherTypes = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;

/** A link as packet sockets see it. */
export interface PacketLink {
  readonly libraries: ForeignLibraries;
  /** Where the link is; this thread's namespace when absent. */
  readonly namespace?: NetworkNamespace;
  readonly linkIndex: number;
}

/** What a {@link PacketSocket} is for. */
export interface PacketSocketOptions {
  /** One of {@link etherTypes}. */
  readonly protocol: number;
  /** Classic BPF instructions that say which packets are taken. */
  readonly filter: Buffer;
  /**
   * Takes one packet of another host, from its network header on.
   *
   * @param source hardware address of the sender
   */
  onPacket(packet: Buffer, source: Uint8Array): void;
}

/**
 * Sends and receives whole network packets on one link, whatever addresses, routes and firewalls the link's namespace has (packet(7)). The
 * link's own hardware address is the frames' source. Keeps the process alive until it is closed.
 */
export class PacketSocket implements Disposable {
  readonly #fd: number;
  readonly #calls: SystemCalls;
  readonly #watch: FdWatch;
  readonly #options: PacketSocketOptions;
  readonly #linkIndex: number;
  readonly #packet = Buffer.alloc(largestPacket);
  readonly #from = Buffer.alloc(addressSize);
  readonly #fromLength = Buffer.alloc(4);
  #open = true;

  /** @throws SystemCallError when the kernel refuses the socket (EPERM: needs CAP_NET_RAW) or the link is not there (ENODEV) */
  constructor({ libraries, namespace, linkIndex }: PacketLink, options: PacketSocketOptions) {
    this.#calls = systemCalls(libraries);
    this.#options = options;
    this.#linkIndex = linkIndex;
    const open = () => this.#openHere(libraries);
    this.#fd = namespace === undefined ? open() : namespace.run(open);
    try {
      this.#watch = libraries.poll(this.#fd, () => this.#receive());
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  /**
   * Sends one packet.
   *
   * @param destination hardware address of the receiver, six bytes
   * @throws SystemCallError with code ENETDOWN while the link is down
   */
  send(packet: Buffer, destination: Uint8Array): void {
    const { sendto } = this.#calls;
    const address = this.#address(destination);
    if (sendto.call(this.#fd, packet, packet.length, MSG_DONTWAIT, address, address.length) < 0) {
      throw new SystemCallError(`sending a packet on link ${this.#linkIndex}`, sendto.errno);
    }
  }

  /** Repeatable. Nothing is delivered after it returns. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#watch.close();
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #openHere(libraries: ForeignLibraries): number {
    const { socket, bind, setsockopt } = this.#calls;
    // Protocol 0 receives nothing: no packet comes before the filter stands.
    const fd = socket.call(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd === -1) throw new SystemCallError('opening a packet socket', socket.errno);
    try {
      const { filter } = this.#options;
      const program = Buffer.alloc(16);
      program.writeUInt16LE(filter.length / 8, 0);
      program.writeBigUInt64LE(libraries.addressOf(filter), 8);
      if (setsockopt.call(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, program.length) !== 0) {
        throw new SystemCallError('filtering a packet socket', setsockopt.errno);
      }
      const address = this.#address(new Uint8Array(0));
      if (bind.call(fd, address, address.length) !== 0) {
        throw new SystemCallError(`binding a packet socket to link ${this.#linkIndex}`, bind.errno);
      }
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }

  #address(hardwareAddress: Uint8Array): Buffer {
    const address = Buffer.alloc(addressSize);
    address.writeUInt16LE(AF_PACKET, 0);
    address.writeUInt16BE(this.#options.protocol, 2);
    address.writeInt32LE(this.#linkIndex, 4);
    address.writeUInt8(hardwareAddress.length, 11);
    address.set(hardwareAddress, 12);
    return address;
  }

  #receive(): void {
    const { recvfrom } = this.#calls;
    while (this.#open) {
      this.#fromLength.writeUInt32LE(addressSize, 0);
      const length = recvfrom.call(
        this.#fd,
        this.#packet,
        this.#packet.length,
        MSG_DONTWAIT,
        this.#from,
        this.#fromLength,
      );
      // Nothing more; or ENETDOWN, which is said once when the link goes down: the socket works again when it is back up.
      if (length < 0) return;
      if (this.#from[10] === packetOutgoing) continue;
      const source = Buffer.from(this.#from.subarray(12, 12 + (this.#from[11] ?? 0)));
      this.#options.onPacket(Buffer.from(this.#packet.subarray(0, length)), source);
    }
  }
}
