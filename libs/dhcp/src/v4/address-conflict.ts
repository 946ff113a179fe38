import { setTimeout as pause } from 'node:timers/promises';
import { exchange } from '../exchange.ts';
import { arpSenderFilter } from '../socket/packet-filter.ts';
import { etherTypes, type PacketLink, PacketSocket } from '../socket/packet-socket.ts';
import { addressBytes, hardwareBytes, hardwareText } from '../wire/ip.ts';

const broadcast = hardwareBytes('ff:ff:ff:ff:ff:ff');
/** How often is asked, and how long an answer is waited for each time. RFC 5227 takes seconds, which nobody has while a pod starts. */
const probes = 2;
const probeMs = 150;
const neighbourPauseMs = 50;

/**
 * Asks by ARP whether another host has an address (RFC 5227, section 2.1.1; RFC 2131, section 4.4.1).
 *
 * @param hardwareAddress of the link that asks
 * @param own the hardware address that the address is for, which is no conflict
 * @returns the other's hardware address; undefined when nobody answers
 */
export async function addressConflict(
  link: PacketLink,
  hardwareAddress: string,
  address: string,
  own: string,
): Promise<string | undefined> {
  let owner: string | undefined;
  using socket = new PacketSocket(link, {
    protocol: etherTypes.arp,
    filter: arpSenderFilter(addressBytes(address)),
    onPacket: (packet) => {
      const sender = hardwareText(packet.subarray(8, 14));
      if (sender !== own && sender !== hardwareAddress) owner ??= sender;
    },
  });
  // The sender has no address yet.
  const probe = arpRequest(hardwareAddress, '0.0.0.0', address);
  for (let count = 0; count < probes && owner === undefined; count++) {
    socket.send(probe, broadcast);
    await pause(probeMs);
  }
  return owner;
}

/**
 * Asks by ARP for a neighbour until it answers, which also shows that packets get through: a link that has just come up may have none
 * forwarded for a while.
 *
 * @param source address of whoever asks
 * @returns the neighbour's hardware address; undefined when nobody answers in time
 */
export async function findNeighbour(
  link: PacketLink,
  hardwareAddress: string,
  source: string,
  neighbour: string,
  timeoutMs: number,
): Promise<string | undefined> {
  let socket: PacketSocket | undefined;
  const request = arpRequest(hardwareAddress, source, neighbour);
  return exchange<string>({
    timeoutMs,
    firstPauseMs: neighbourPauseMs,
    listen: (answer) =>
      (socket = new PacketSocket(link, {
        protocol: etherTypes.arp,
        filter: arpSenderFilter(addressBytes(neighbour)),
        onPacket: (packet) => answer(hardwareText(packet.subarray(8, 14))),
      })),
    send: () => socket?.send(request, broadcast),
  });
}

/** A request (RFC 826) for Ethernet and IPv4. */
function arpRequest(hardwareAddress: string, source: string, target: string): Buffer {
  const packet = Buffer.alloc(28);
  packet.set([0, 1, 8, 0, 6, 4, 0, 1]);
  packet.set(hardwareBytes(hardwareAddress), 8);
  packet.set(addressBytes(source), 14);
  packet.set(addressBytes(target), 24);
  return packet;
}
