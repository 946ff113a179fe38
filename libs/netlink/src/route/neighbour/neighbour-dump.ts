import { type AddressFamily, familyNumbers } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { RouteDump } from '../route-dump.ts';
import { type Neighbour, type NeighbourFilter, neighbourFlags } from './neighbour.ts';
import { neighbourAttributes, neighbourHeaderSize, neighbourMessages } from './neighbour-attributes.ts';
import { decodeNeighbour } from './neighbour-decoder.ts';

/** Asks for neighbours of one family; the kernel filters by link. */
export function neighbourDump({
  linkIndex,
  family,
  proxy = false,
}: NeighbourFilter & { readonly family: AddressFamily }): RouteDump<Neighbour> {
  return {
    operation: 'neigh list',
    type: neighbourMessages.get,
    flags: messageFlags.dump,
    write(writer) {
      const start = writer.header(neighbourHeaderSize);
      writer.setUint8(start, familyNumbers[family], 'family');
      writer.setUint8(start + 10, proxy ? neighbourFlags.proxy : 0, 'flags');
      if (linkIndex !== undefined) writer.uint32(neighbourAttributes.linkIndex, linkIndex, 'linkIndex');
    },
    decode(message) {
      if (message.type !== neighbourMessages.new) return undefined;
      const neighbour = decodeNeighbour(message);
      if (neighbour?.family !== family) return undefined;
      return linkIndex === undefined || neighbour.linkIndex === linkIndex ? neighbour : undefined;
    },
  };
}
