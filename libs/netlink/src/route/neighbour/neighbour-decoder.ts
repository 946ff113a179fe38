import { formatHardwareAddress } from '../../wire/hardware-address.ts';
import { familyOf, formatIpAddress } from '../../wire/ip-address.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import type { Neighbour } from './neighbour.ts';
import { neighbourAttributes as nda, neighbourHeaderSize } from './neighbour-attributes.ts';

/**
 * Decodes the current `RTM_NEWNEIGH` or `RTM_DELNEIGH` message.
 *
 * @returns undefined for what is no neighbour of an IP address, such as a bridge's forwarding entry
 * @throws MalformedMessageError
 */
export function decodeNeighbour(message: MessageReader): Neighbour | undefined {
  const attributes = message.attributes(neighbourHeaderSize);
  const { buffer, start } = message;
  const family = familyOf(buffer.readUInt8(start));
  if (family === undefined) return undefined;
  const neighbour: { -readonly [K in keyof Neighbour]: Neighbour[K] } = {
    linkIndex: buffer.readInt32LE(start + 4),
    family,
    address: '',
    state: buffer.readUInt16LE(start + 8),
    flags: buffer.readUInt8(start + 10),
  };
  while (attributes.next()) {
    switch (attributes.type) {
      case nda.destination:
        neighbour.address = formatIpAddress(attributes.bytes()) ?? '';
        break;
      case nda.linkAddress: {
        const linkAddress = formatHardwareAddress(attributes.bytes());
        if (linkAddress !== undefined) neighbour.linkAddress = linkAddress;
        break;
      }
      case nda.protocol:
        neighbour.protocol = attributes.uint8();
        break;
    }
  }
  return neighbour.address === '' ? undefined : neighbour;
}
