import { familyOf, formatIpAddress } from '../../wire/ip-address.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import type { Address } from './address.ts';
import { addressAttributes as ifa, addressHeaderSize, forever, scopeName } from './address-attributes.ts';

/**
 * Decodes the current `RTM_NEWADDR` or `RTM_DELADDR` message.
 *
 * @returns undefined for families other than IP
 * @throws MalformedMessageError
 */
export function decodeAddress(message: MessageReader): Address | undefined {
  const attributes = message.attributes(addressHeaderSize);
  const { buffer, start } = message;
  const family = familyOf(buffer.readUInt8(start));
  if (family === undefined) return undefined;
  const length = buffer.readUInt8(start + 1);
  let local: string | undefined;
  let address: string | undefined;
  const found: { -readonly [K in keyof Address]: Address[K] } = {
    linkIndex: buffer.readUInt32LE(start + 4),
    address: '',
    family,
    scope: scopeName(buffer.readUInt8(start + 3)),
    flags: buffer.readUInt8(start + 2),
  };
  while (attributes.next()) {
    switch (attributes.type) {
      case ifa.local:
        local = formatIpAddress(attributes.bytes());
        break;
      case ifa.address:
        address = formatIpAddress(attributes.bytes());
        break;
      case ifa.broadcast: {
        const broadcast = formatIpAddress(attributes.bytes());
        if (broadcast !== undefined) found.broadcast = broadcast;
        break;
      }
      case ifa.label:
        found.label = attributes.string();
        break;
      case ifa.flags:
        found.flags = attributes.uint32();
        break;
      case ifa.metric:
        found.metric = attributes.uint32();
        break;
      case ifa.protocol:
        found.protocol = attributes.uint8();
        break;
      case ifa.cacheInfo: {
        const preferred = attributes.uint32At(0);
        const valid = attributes.uint32At(4);
        if (preferred !== forever) found.preferredLifetime = preferred;
        if (valid !== forever) found.validLifetime = valid;
        break;
      }
    }
  }
  const own = local ?? address;
  if (own === undefined) return undefined;
  found.address = `${own}/${length}`;
  if (address !== undefined && address !== own) found.peer = address;
  return found;
}
