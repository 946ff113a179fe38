import type { MessageWriter } from '../../wire/message-writer.ts';
import { linkAttributes } from './link-attributes.ts';
import type { VethPeer } from './link-data.ts';
import { writeLinkChanges, writeLinkHeader } from './link-requests.ts';

/** `VETH_INFO_PEER` (linux/veth.h): a whole link message for the far end. */
const peerAttribute = 1;

/** Writes a veth pair's far end into `IFLA_INFO_DATA`. The kernel answers ENOTCONN when that end is to be up, so it never is. */
export function writeVethPeer(writer: MessageWriter, peer: VethPeer): void {
  const { txQueues, rxQueues, ...changes } = peer;
  const nest = writer.beginNest(peerAttribute);
  writeLinkHeader(writer, 0);
  writeLinkChanges(writer, changes);
  if (txQueues !== undefined) writer.uint32(linkAttributes.txQueues, txQueues, 'peer.txQueues');
  if (rxQueues !== undefined) writer.uint32(linkAttributes.rxQueues, rxQueues, 'peer.rxQueues');
  writer.endNest(nest);
}
