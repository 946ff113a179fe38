import { randomInt } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DhcpError } from '../dhcp-error.ts';
import { exchange } from '../exchange.ts';
import { udpv4Filter } from '../socket/packet-filter.ts';
import { etherTypes, type PacketLink, PacketSocket } from '../socket/packet-socket.ts';
import { addressBytes, hardwareBytes, hardwareText, networkContains } from '../wire/ip.ts';
import { MalformedDhcpMessageError } from '../wire/malformed-dhcp-message-error.ts';
import { readUdpv4, writeUdpv4 } from '../wire/udp-packet.ts';
import { addressConflict, findNeighbour } from './address-conflict.ts';
import { type Dhcpv4Identity, type Dhcpv4Lease, dhcpv4LeaseFrom, monotonicNow } from './dhcpv4-lease.ts';
import {
  decodeDhcpv4,
  type Dhcpv4Message,
  dhcpv4Options as option,
  dhcpv4Types as types,
  encodeDhcpv4,
} from './dhcpv4-message.ts';

const [clientPort, serverPort] = [68, 67];
const everyone = 'ff:ff:ff:ff:ff:ff';
/** After a DECLINE the client asks anew, at the earliest after this many milliseconds; RFC 2131 says ten seconds, which a pod has not. */
const pauseAfterConflictMs = 1_000;
const mostConflicts = 3;

/** What the client asks servers to tell. */
const wanted = Buffer.from([
  ...[option.subnetMask, option.classlessRoutes, option.router, option.dnsServers, option.domainName],
  ...[option.mtu, option.leaseTime, option.serverIdentifier, option.renewalTime, option.rebindingTime],
]);

/** A link to ask on. */
export interface Dhcpv4Link extends PacketLink {
  /** The link's own hardware address. */
  readonly hardwareAddress: string;
  /** In words, for errors. */
  readonly name: string;
}

/** How long and how. */
export interface Dhcpv4Patience {
  readonly timeoutMs: number;
  /** Pause before the first repetition, in milliseconds; the next ones are twice as long each. Default: a second. */
  readonly firstPauseMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a server said to a request. */
export type Dhcpv4Answer =
  | { readonly kind: 'lease'; readonly lease: Dhcpv4Lease }
  /** The server takes the address away, or does not know it (DHCPNAK). */
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'silence' };

/**
 * Gets a lease: DISCOVER, OFFER, REQUEST, ACK (RFC 2131, section 3.1), then asks by ARP whether somebody else has the address, and declines
 * it if so. Answers are asked for by broadcast: the address is for an interface that does not have it yet, nor perhaps exists.
 *
 * @throws DhcpError when no server answers, none gives an address, or what they give is in use
 */
export async function acquireDhcpv4(
  link: Dhcpv4Link,
  identity: Dhcpv4Identity,
  { timeoutMs, firstPauseMs, signal }: Dhcpv4Patience,
): Promise<Dhcpv4Lease> {
  const end = performance.now() + timeoutMs;
  const left = () => Math.max(0, end - performance.now());
  let refusal: string | undefined;
  let conflict: string | undefined;
  for (let conflicts = 0; left() > 0;) {
    const patience = { timeoutMs: left(), firstPauseMs, signal };
    const offer = await ask(link, identity, { type: types.discover }, patience, [types.offer]);
    if (offer === undefined) break;
    const { yourAddress } = offer.message;
    const server = offer.message.options.get(option.serverIdentifier);
    if (yourAddress === undefined || server === undefined) continue;
    const options = new Map([
      [option.requestedAddress, Buffer.from(addressBytes(yourAddress))],
      [option.serverIdentifier, server],
    ]);
    const request = { type: types.request, transactionId: offer.message.transactionId, options };
    const answer = answerOf(
      await ask(link, identity, request, { ...patience, timeoutMs: Math.min(left(), 4_000) }),
      identity,
    );
    if (answer.kind === 'silence') continue;
    if (answer.kind === 'refused') {
      refusal = answer.message;
      await pause(Math.min(left(), pauseAfterConflictMs), undefined, { signal });
      continue;
    }
    const owner = await addressConflict(
      link,
      link.hardwareAddress,
      bare(answer.lease),
      identity.hardwareAddress,
    );
    if (owner === undefined) return answer.lease;
    conflict = `${bare(answer.lease)}, which server ${answer.lease.server} gives, is in use by ${owner}`;
    declineDhcpv4(link, answer.lease);
    if (++conflicts === mostConflicts) break;
    await pause(Math.min(left(), pauseAfterConflictMs), undefined, { signal });
  }
  signal?.throwIfAborted();
  const seconds = Math.round(timeoutMs / 100) / 10;
  if (conflict !== undefined) throw new DhcpError('conflict', conflict);
  throw refusal === undefined
    ? new DhcpError('no-answer', `no DHCPv4 server on ${link.name} gave an address within ${seconds} s`)
    : new DhcpError('refused', `the DHCPv4 server on ${link.name} refuses: ${refusal}`);
}

/**
 * Asks whether a lease still stands, from where its address is not: before it is given to the interface, or after it has ended
 * (INIT-REBOOT, RFC 2131, section 4.3.2). The answer comes by broadcast.
 */
export function confirmDhcpv4(
  link: Dhcpv4Link,
  lease: Dhcpv4Lease,
  patience: Dhcpv4Patience,
): Promise<Dhcpv4Answer> {
  const options = new Map([[option.requestedAddress, Buffer.from(addressBytes(bare(lease)))]]);
  return request(link, lease, { type: types.request, options }, patience);
}

/**
 * Prolongs a lease from where its address is (RENEWING and REBINDING, RFC 2131, section 4.4.5).
 *
 * @param whom `server`: the one that gave it; `anyone`: whichever answers a broadcast
 */
export function renewDhcpv4(
  link: Dhcpv4Link,
  lease: Dhcpv4Lease,
  whom: 'server' | 'anyone',
  patience: Dhcpv4Patience,
): Promise<Dhcpv4Answer> {
  const message = { type: types.request, broadcast: false, clientAddress: bare(lease) };
  return request(link, lease, message, patience, whom === 'server' ? lease : undefined);
}

/**
 * Gives a lease back. Nobody answers that, and it is sent once: so the server is asked for by ARP first, on a link that may just have come up.
 *
 * @param timeoutMs how long the server is waited for
 */
export async function releaseDhcpv4(link: Dhcpv4Link, lease: Dhcpv4Lease, timeoutMs: number): Promise<void> {
  const found = networkContains(lease.address, lease.server)
    ? await findNeighbour(link, link.hardwareAddress, bare(lease), lease.server, timeoutMs)
    : undefined;
  const message = { type: types.release, broadcast: false, clientAddress: bare(lease) };
  const server = { ...lease, serverHardwareAddress: found ?? lease.serverHardwareAddress };
  sendOnce(link, lease, { ...message, options: serverIdentifier(lease) }, server);
}

/** Tells the server that somebody else has the address that it gave. Nobody answers that. */
function declineDhcpv4(link: Dhcpv4Link, lease: Dhcpv4Lease): void {
  const options = new Map([
    [option.requestedAddress, Buffer.from(addressBytes(bare(lease)))],
    ...serverIdentifier(lease),
  ]);
  sendOnce(link, lease, { type: types.decline, broadcast: false, options });
}

interface Received {
  readonly message: Dhcpv4Message;
  readonly source: string;
  readonly askedAt: number;
}

interface Question {
  readonly type: number;
  readonly transactionId?: number;
  readonly broadcast?: boolean;
  readonly clientAddress?: string;
  readonly options?: ReadonlyMap<number, Buffer>;
}

async function request(
  link: Dhcpv4Link,
  lease: Dhcpv4Lease,
  question: Question,
  patience: Dhcpv4Patience,
  server?: Dhcpv4Lease,
): Promise<Dhcpv4Answer> {
  const { identity } = lease;
  const answer = answerOf(
    await ask(link, identity, question, patience, [types.ack, types.nak], server),
    identity,
  );
  if (answer.kind !== 'lease' || answer.lease.address === lease.address) return answer;
  return {
    kind: 'refused',
    message: `it gives ${answer.lease.address} instead of ${lease.address}`,
  };
}

function answerOf(received: Received | undefined, identity: Dhcpv4Identity): Dhcpv4Answer {
  if (received === undefined) return { kind: 'silence' };
  const { message, source, askedAt } = received;
  if (message.type === types.nak) {
    const words = message.options.get(option.message)?.toString('latin1').replaceAll('\0', '');
    return { kind: 'refused', message: words ?? 'without giving a reason' };
  }
  return { kind: 'lease', lease: dhcpv4LeaseFrom(message, identity, source, askedAt) };
}

function ask(
  link: Dhcpv4Link,
  identity: Dhcpv4Identity,
  question: Question,
  { timeoutMs, firstPauseMs, signal }: Dhcpv4Patience,
  answers: readonly number[] = [types.ack, types.nak],
  server?: Dhcpv4Lease,
): Promise<Received | undefined> {
  const transactionId = question.transactionId ?? randomInt(0xffff_ffff);
  let socket: PacketSocket | undefined;
  let askedAt = monotonicNow();
  return exchange<Received>({
    ...{ timeoutMs, firstPauseMs, signal },
    listen: (answer) =>
      (socket = listen(link, (message, source) => {
        const ours = message.transactionId === transactionId && answers.includes(message.type);
        if (!ours || message.hardwareAddress !== identity.hardwareAddress) return;
        const received = { message, source, askedAt };
        // What cannot be read as a lease is no answer: another server may have a better one.
        if (message.type === types.ack) answerOf(received, identity);
        answer(received);
      })),
    send: (elapsedMs) => {
      // The lease counts from the question (RFC 2131, section 4.4.5).
      askedAt = monotonicNow();
      const packet = write(identity, { ...question, transactionId }, elapsedMs / 1000, server);
      socket?.send(packet, hardwareBytes(server?.serverHardwareAddress ?? everyone));
    },
  });
}

function sendOnce(link: Dhcpv4Link, lease: Dhcpv4Lease, question: Question, server?: Dhcpv4Lease): void {
  using socket = listen(link, () => {});
  const packet = write(lease.identity, { transactionId: randomInt(0xffff_ffff), ...question }, 0, server);
  socket.send(packet, hardwareBytes(server?.serverHardwareAddress ?? everyone));
}

function listen(link: Dhcpv4Link, onMessage: (message: Dhcpv4Message, source: string) => void): PacketSocket {
  return new PacketSocket(link, {
    protocol: etherTypes.ipv4,
    filter: udpv4Filter(clientPort),
    onPacket: (packet, source) => {
      const datagram = readUdpv4(packet);
      if (datagram?.destinationPort !== clientPort) return;
      try {
        onMessage(decodeDhcpv4(datagram.payload), hardwareText(source));
      } catch (error) {
        if (!(error instanceof MalformedDhcpMessageError)) throw error;
      }
    },
  });
}

function write(
  identity: Dhcpv4Identity,
  { type, transactionId = 0, broadcast = true, clientAddress, options = new Map() }: Question,
  elapsedSeconds: number,
  server?: Dhcpv4Lease,
): Buffer {
  const clientId =
    identity.clientId === undefined
      ? Buffer.from([1, ...hardwareBytes(identity.hardwareAddress)])
      : Buffer.from(`\0${identity.clientId}`, 'utf8');
  const asks = type === types.discover || type === types.request;
  const payload = encodeDhcpv4({
    ...{ type, transactionId, broadcast, hardwareAddress: identity.hardwareAddress },
    seconds: Math.floor(elapsedSeconds),
    ...(clientAddress === undefined ? {} : { clientAddress }),
    options: new Map([
      [option.clientIdentifier, clientId],
      ...options,
      ...(asks
        ? [[option.parameterRequest, wanted] as const, [option.largestMessage, largestMessage] as const]
        : []),
      ...(asks && identity.hostName !== undefined
        ? [[option.hostName, Buffer.from(identity.hostName, 'ascii')] as const]
        : []),
    ]),
  });
  return writeUdpv4({
    source: clientAddress ?? '0.0.0.0',
    sourcePort: clientPort,
    destination: server?.server ?? '255.255.255.255',
    destinationPort: serverPort,
    payload,
  });
}

/** Bytes of the largest IP packet that the client takes: an Ethernet frame's. */
const largestMessage = Buffer.from([1500 >> 8, 1500 & 0xff]);

function serverIdentifier({ server }: Dhcpv4Lease): Map<number, Buffer> {
  return new Map([[option.serverIdentifier, Buffer.from(addressBytes(server))]]);
}

function bare({ address }: Dhcpv4Lease): string {
  return address.slice(0, address.indexOf('/'));
}
