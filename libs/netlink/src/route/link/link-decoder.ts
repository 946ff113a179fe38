import type { MessageReader } from '../../wire/message-reader.ts';
import { type Link, type LinkEncapsulation, linkFlags } from './link.ts';
import { linkAttributeReaders, type PartialLink } from './link-attribute-readers.ts';
import { linkHeaderSize } from './link-attributes.ts';

/** `ARPHRD_*` (linux/if_arp.h). */
const encapsulations: Readonly<Record<number, LinkEncapsulation>> = {
  1: 'ether',
  32: 'infiniband',
  280: 'can',
  512: 'ppp',
  519: 'rawip',
  768: 'tunnel',
  769: 'tunnel6',
  772: 'loopback',
  776: 'sit',
  778: 'gre',
  823: 'gre6',
  824: 'netlink',
  65534: 'none',
};

/**
 * Decodes the current `RTM_NEWLINK` or `RTM_DELLINK` message.
 *
 * @throws MalformedMessageError
 */
export function decodeLink(message: MessageReader): Link {
  const attributes = message.attributes(linkHeaderSize);
  const { buffer, start } = message;
  const type = buffer.readUInt16LE(start + 2);
  const flags = buffer.readUInt32LE(start + 8);
  const read: PartialLink = {
    index: buffer.readInt32LE(start + 4),
    name: '',
    altnames: [],
    mtu: 0,
    flags,
    up: (flags & linkFlags.up) !== 0,
    carrier: (flags & linkFlags.lowerUp) !== 0,
    operState: 'unknown',
    encapsulation: encapsulations[type] ?? `arphrd-${type}`,
  };
  while (attributes.next()) linkAttributeReaders[attributes.type]?.(read, attributes);
  if (read.parentDeviceBus === undefined && read.parentDeviceName === undefined) return read;
  const { parentDeviceBus: bus, parentDeviceName: name, ...link } = read;
  return bus === undefined || name === undefined ? link : { ...link, parentDevice: { bus, name } };
}
