import { setTimeout as pause } from 'node:timers/promises';
import { arpSenderFilter } from '../socket/packet-filter.ts';
import { etherTypes, type PacketLink, PacketSocket } from '../socket/packet-socket.ts';
import { addressBytes, hardwareBytes, hardwareText } from '../wire/ip.ts';

const broadcast = hardwareBytes('ff:ff:ff:ff:ff:ff');
/** How often is asked, and how long an answer is waited for each time. RFC 5227 takes seconds, which nobody has while a pod starts. */
const probes = 2;
const probeMs = 150;

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
  const target = addressBytes(address);
  using socket = new PacketSocket(link, {
    protocol: etherTypes.arp,
    filter: arpSenderFilter(target),
    onPacket: (packet) => {
      const sender = hardwareText(packet.subarray(8, 14));
      if (sender !== own && sender !== hardwareAddress) owner ??= sender;
    },
  });
  const probe = Buffer.alloc(28);
  // Ethernet, IPv4, their lengths, a request (RFC 826); the sender has no address yet.
  probe.set([0, 1, 8, 0, 6, 4, 0, 1]);
  probe.set(hardwareBytes(hardwareAddress), 8);
  probe.set(target, 24);
  for (let count = 0; count < probes && owner === undefined; count++) {
    socket.send(probe, broadcast);
    await pause(probeMs);
  }
  return owner;
}
