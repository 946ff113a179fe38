import { randomInt } from 'node:crypto';
import { DhcpError } from '../dhcp-error.ts';
import { exchange } from '../exchange.ts';
import { udpv6Filter } from '../socket/packet-filter.ts';
import { etherTypes, type PacketLink, PacketSocket } from '../socket/packet-socket.ts';
import { hardwareBytes } from '../wire/ip.ts';
import { MalformedDhcpMessageError } from '../wire/malformed-dhcp-message-error.ts';
import { readUdpv6, writeUdpv6 } from '../wire/udp-packet.ts';
import { monotonicNow } from '../v4/dhcpv4-lease.ts';
import {
  clientDuid,
  type Dhcpv6Identity,
  type Dhcpv6Lease,
  dhcpv6AnswerFrom,
  identityAssociation,
} from './dhcpv6-lease.ts';
import {
  decodeDhcpv6,
  type Dhcpv6Message,
  dhcpv6Options as option,
  type Dhcpv6Option,
  dhcpv6Types as types,
  encodeDhcpv6,
  findOption,
} from './dhcpv6-message.ts';

const [clientPort, serverPort] = [546, 547];
/** All_DHCP_Relay_Agents_and_Servers and its Ethernet address (RFC 8415, section 7.1; RFC 2464, section 7). */
const servers = 'ff02::1:2';
const serversHardware = hardwareBytes('33:33:00:01:00:02');

/** A link to ask on. */
export interface Dhcpv6Link extends PacketLink {
  /** A link-local address of the link that it answers for, without prefix length. */
  readonly linkLocalAddress: string;
  /** In words, for errors. */
  readonly name: string;
}

/** How long and how. */
export interface Dhcpv6Patience {
  readonly timeoutMs: number;
  /** Pause before the first repetition, in milliseconds; the next ones are twice as long each. Default: a second. */
  readonly firstPauseMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a server said to a request. */
export type Dhcpv6Answer =
  | { readonly kind: 'lease'; readonly lease: Dhcpv6Lease }
  | { readonly kind: 'refused'; readonly message: string }
  | { readonly kind: 'silence' };

/**
 * Gets a lease: SOLICIT, ADVERTISE, REQUEST, REPLY, or SOLICIT and REPLY where the server commits rapidly (RFC 8415, section 18.2.1). The
 * first server that offers an address is taken: a pod's start does not wait for a better one.
 *
 * @param hint an address, without prefix length, that the client would like
 * @throws DhcpError when no server answers or none gives an address
 */
export async function acquireDhcpv6(
  link: Dhcpv6Link,
  identity: Dhcpv6Identity,
  { timeoutMs, firstPauseMs, signal }: Dhcpv6Patience,
  hint?: string,
): Promise<Dhcpv6Lease> {
  const end = performance.now() + timeoutMs;
  const left = () => Math.max(0, end - performance.now());
  let refusal: string | undefined;
  while (left() > 0) {
    const association = [{ code: option.identityAssociation, value: identityAssociation(identity, hint) }];
    const advertised = await ask(
      link,
      identity,
      types.solicit,
      [...association, { code: option.rapidCommit, value: Buffer.alloc(0) }],
      { timeoutMs: left(), firstPauseMs, signal },
      (message) => {
        const rapid =
          message.type === types.reply && findOption(message.options, option.rapidCommit) !== undefined;
        if (message.type !== types.advertise && !rapid) return false;
        const answer = dhcpv6AnswerFrom(message, identity, 0);
        if (answer.kind === 'refused') refusal = answer.message;
        return answer.kind === 'lease';
      },
    );
    if (advertised === undefined) break;
    const { message, askedAt } = advertised;
    const offered = dhcpv6AnswerFrom(message, identity, askedAt);
    if (offered.kind === 'refused') continue;
    if (message.type === types.reply) return offered.lease;
    const answer = await request(link, offered.lease, types.request, {
      ...{ timeoutMs: Math.min(left(), 4_000), firstPauseMs, signal },
    });
    if (answer.kind === 'lease') return answer.lease;
    if (answer.kind === 'refused') refusal = answer.message;
  }
  signal?.throwIfAborted();
  const seconds = Math.round(timeoutMs / 100) / 10;
  throw refusal === undefined
    ? new DhcpError('no-answer', `no DHCPv6 server on ${link.name} gave an address within ${seconds} s`)
    : new DhcpError('refused', `the DHCPv6 server on ${link.name} refuses: ${refusal}`);
}

/**
 * Prolongs a lease (RFC 8415, sections 18.2.4 and 18.2.5).
 *
 * @param whom `server`: the one that gave it; `anyone`: whichever answers
 */
export function renewDhcpv6(
  link: Dhcpv6Link,
  lease: Dhcpv6Lease,
  whom: 'server' | 'anyone',
  patience: Dhcpv6Patience,
): Promise<Dhcpv6Answer> {
  return request(link, lease, whom === 'server' ? types.renew : types.rebind, patience);
}

/** Gives a lease back, and waits for the server to say that it heard, as long as `patience` says. Whether it did makes no difference. */
export async function releaseDhcpv6(
  link: Dhcpv6Link,
  lease: Dhcpv6Lease,
  patience: Dhcpv6Patience,
): Promise<void> {
  const options = [
    serverIdentifier(lease),
    { code: option.identityAssociation, value: identityAssociation(lease.identity, bare(lease)) },
  ];
  // A link that has just come up may have nothing forwarded for a while.
  const hurried = { ...patience, firstPauseMs: 200 };
  await ask(link, lease.identity, types.release, options, hurried, ({ type }) => type === types.reply);
}

async function request(
  link: Dhcpv6Link,
  lease: Dhcpv6Lease,
  type: number,
  patience: Dhcpv6Patience,
): Promise<Dhcpv6Answer> {
  const { identity } = lease;
  const options = [
    // A REBIND is for whichever server answers.
    ...(type === types.rebind ? [] : [serverIdentifier(lease)]),
    { code: option.identityAssociation, value: identityAssociation(identity, bare(lease)) },
  ];
  const received = await ask(link, identity, type, options, patience, (message) => {
    if (message.type !== types.reply) return false;
    dhcpv6AnswerFrom(message, identity, 0);
    return true;
  });
  if (received === undefined) return { kind: 'silence' };
  const answer = dhcpv6AnswerFrom(received.message, identity, received.askedAt);
  if (answer.kind === 'refused' || answer.lease.address === lease.address) return answer;
  return { kind: 'refused', message: `it gives ${answer.lease.address} instead of ${lease.address}` };
}

interface Received {
  readonly message: Dhcpv6Message;
  readonly askedAt: number;
}

function ask(
  link: Dhcpv6Link,
  identity: Dhcpv6Identity,
  type: number,
  options: readonly Dhcpv6Option[],
  { timeoutMs, firstPauseMs, signal }: Dhcpv6Patience,
  isAnswer: (message: Dhcpv6Message) => boolean,
): Promise<Received | undefined> {
  const transactionId = randomInt(0x100_0000);
  const duid = clientDuid(identity);
  let socket: PacketSocket | undefined;
  let askedAt = monotonicNow();
  return exchange<Received>({
    ...{ timeoutMs, firstPauseMs, signal },
    listen: (answer) =>
      (socket = new PacketSocket(link, {
        protocol: etherTypes.ipv6,
        filter: udpv6Filter(clientPort),
        onPacket: (packet) => {
          const datagram = readUdpv6(packet);
          if (datagram?.destinationPort !== clientPort) return;
          try {
            const message = decodeDhcpv6(datagram.payload);
            const ours = findOption(message.options, option.clientIdentifier)?.equals(duid) === true;
            if (ours && message.transactionId === transactionId && isAnswer(message)) {
              answer({ message, askedAt });
            }
          } catch (error) {
            if (!(error instanceof MalformedDhcpMessageError)) throw error;
          }
        },
      })),
    send: (elapsedMs) => {
      askedAt = monotonicNow();
      const elapsed = Buffer.alloc(2);
      elapsed.writeUInt16BE(Math.min(Math.floor(elapsedMs / 10), 0xffff), 0);
      const payload = encodeDhcpv6({
        type,
        transactionId,
        options: [
          { code: option.clientIdentifier, value: duid },
          { code: option.elapsedTime, value: elapsed },
          ...(type === types.release ? [] : [{ code: option.optionRequest, value: wanted }]),
          ...(identity.hostName === undefined || type === types.release ? [] : [hostName(identity.hostName)]),
          ...options,
        ],
      });
      socket?.send(
        writeUdpv6({
          source: link.linkLocalAddress,
          sourcePort: clientPort,
          destination: servers,
          destinationPort: serverPort,
          payload,
        }),
        serversHardware,
      );
    },
  });
}

/** What the client asks servers to tell. */
const wanted = Buffer.from([0, option.dnsServers, 0, option.domainSearch]);

function serverIdentifier({ server }: Dhcpv6Lease): Dhcpv6Option {
  return { code: option.serverIdentifier, value: Buffer.from(server, 'hex') };
}

/** A name that the server may complete with its domain: one label without the zero that ends a full name (RFC 4704, section 4.2). */
function hostName(name: string): Dhcpv6Option {
  const label = Buffer.from(name, 'ascii');
  return { code: option.hostName, value: Buffer.concat([Buffer.from([1, label.length]), label]) };
}

function bare({ address }: Dhcpv6Lease): string {
  return address.slice(0, address.indexOf('/'));
}
