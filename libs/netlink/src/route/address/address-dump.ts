import { familyNumbers } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { RouteDump } from '../route-dump.ts';
import type { Address, AddressFilter } from './address.ts';
import { addressHeaderSize, addressMessages } from './address-attributes.ts';
import { decodeAddress } from './address-decoder.ts';

/** Asks for addresses; the kernel filters by link. */
export function addressDump({ linkIndex, family }: AddressFilter): RouteDump<Address> {
  return {
    operation: 'address list',
    type: addressMessages.get,
    flags: messageFlags.dump,
    write(writer) {
      const start = writer.header(addressHeaderSize);
      writer.setUint8(start, family === undefined ? 0 : familyNumbers[family], 'family');
      writer.setUint32(start + 4, linkIndex ?? 0, 'linkIndex');
    },
    decode(message) {
      if (message.type !== addressMessages.new) return undefined;
      const address = decodeAddress(message);
      return linkIndex === undefined || address?.linkIndex === linkIndex ? address : undefined;
    },
  };
}
