import * as z from 'zod';
import { interfaceNameMistake } from '../interface-name.ts';
import { addressRange, type IpPrefix, parseIpAddress, parseIpPrefix } from '../ip.ts';

/** Name of a link in the pod. */
export const interfaceName = z.string().superRefine((name, context) => {
  const mistake = interfaceNameMistake(name);
  if (mistake !== undefined) context.addIssue(mistake);
});

/** An address for an interface, with the length of its network's prefix; canonical. */
export const interfaceAddress = z.string().transform((text, context) => {
  const prefix = parseIpPrefix(text);
  if (prefix === undefined) {
    context.addIssue(
      `'${text}' is no address with prefix length; write it like 192.0.2.10/24 or 2001:db8::10/64`,
    );
    return z.NEVER;
  }
  const mistake = mappedAddressMistake(text, prefix.address) ?? hostAddressMistake(text, prefix);
  if (mistake !== undefined) {
    context.addIssue(mistake);
    return z.NEVER;
  }
  return prefix.text;
});

/** What forbids giving the address to an interface. */
function hostAddressMistake(text: string, prefix: IpPrefix): string | undefined {
  const range = addressRange(prefix.address);
  if (['unspecified', 'multicast', 'broadcast'].includes(range)) {
    return `'${text}' is a ${range} address; an interface needs a unicast address`;
  }
  if (range === 'loopback') {
    return `'${text}' is a loopback address, which never leaves the pod; give an address of the network that the interface is on`;
  }
  // RFC 3021: a network of two addresses has neither.
  if (prefix.family === 6 || prefix.length >= 31) return undefined;
  if (prefix.text === prefix.network) {
    return `'${text}' is the address of the network itself; give one of the addresses in it`;
  }
  return prefix.address === prefix.broadcast
    ? `'${text}' is the broadcast address of its network; give another of the addresses in it`
    : undefined;
}

/** The kernel takes an IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) for an interface, but no packet ever carries it. */
function mappedAddressMistake(text: string, address: string): string | undefined {
  return addressRange(address) === 'ipv4Mapped'
    ? `'${text}' is an IPv4 address in the notation of IPv6; write it as IPv4, like 192.0.2.10`
    : undefined;
}

/** A unicast MAC address, lower case. */
export const hardwareAddress = z.string().transform((text, context) => {
  const canonical = text.toLowerCase();
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(canonical)) {
    context.addIssue(`'${text}' is no hardware address; write six bytes like 02:00:5e:10:00:01`);
    return z.NEVER;
  }
  if ((Number.parseInt(canonical.slice(0, 2), 16) & 1) === 1 || canonical === '00:00:00:00:00:00') {
    context.addIssue(
      `'${text}' is a group or all-zero address; an interface needs a unicast hardware address`,
    );
    return z.NEVER;
  }
  return canonical;
});

/** An IP address, canonical. */
export const ipAddress = z.string().transform((text, context) => {
  const parsed = parseIpAddress(text);
  const mistake =
    parsed === undefined
      ? `'${text}' is no IP address; write it like 192.0.2.1 or 2001:db8::1`
      : mappedAddressMistake(text, parsed.address);
  if (parsed !== undefined && mistake === undefined) return parsed.address;
  context.addIssue(mistake ?? '');
  return z.NEVER;
});

/** A network, canonical, without bits after its prefix. */
export const network = z.string().transform((text, context) => {
  const prefix = parseIpPrefix(text);
  if (prefix === undefined) {
    context.addIssue(`'${text}' is no network; write it like 192.0.2.0/24, 0.0.0.0/0 or ::/0`);
    return z.NEVER;
  }
  const mistake = mappedAddressMistake(text, prefix.address);
  if (mistake !== undefined) {
    context.addIssue(mistake);
    return z.NEVER;
  }
  if (prefix.network !== prefix.text) {
    context.addIssue(`'${text}' has bits set after its prefix; the network is ${prefix.network}`);
    return z.NEVER;
  }
  return prefix.text;
});

/** Whether an address or network is IPv6, by its notation. */
export function isIpv6(text: string): boolean {
  return text.includes(':');
}
