import type { MessageReader } from '../../wire/message-reader.ts';
import { type Ipv4Configuration, ipv4Settings } from './ipv4-configuration.ts';
import { linkAttributes, linkHeaderSize } from './link-attributes.ts';

/** `AF_INET`, and `IFLA_INET_CONF` inside it. */
const afInet = 2;
const inetConfiguration = 1;

/** Reads the IPv4 settings from the current `RTM_NEWLINK` message: an array of integers, the first of which is setting 1. */
export function decodeIpv4Configuration(message: MessageReader): Ipv4Configuration {
  const configuration: { -readonly [K in keyof Ipv4Configuration]: Ipv4Configuration[K] } = {};
  const attributes = message.attributes(linkHeaderSize);
  while (attributes.next()) {
    if (attributes.type !== linkAttributes.addressFamilies) continue;
    const families = attributes.nested();
    while (families.next()) {
      if (families.type !== afInet) continue;
      const inet = families.nested();
      while (inet.next()) {
        if (inet.type !== inetConfiguration) continue;
        for (const [name, number] of Object.entries(ipv4Settings)) {
          // Older kernels have fewer of them.
          if (inet.length >= 4 * number)
            configuration[name as keyof typeof ipv4Settings] = inet.int32At(4 * (number - 1));
        }
      }
    }
  }
  return configuration;
}
