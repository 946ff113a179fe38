import { isIPv4, isIPv6 } from 'node:net';

/**
 * The canonical form of an address with its prefix length (`10.9.8.7/24`, `2001:db8::1/64`), host bits kept;
 * undefined when the text is no such thing. IPv6 is written as RFC 5952 wants it; an IPv4-mapped IPv6
 * address becomes the IPv4 one, as in the real server.
 */
export function canonicalInterfaceAddress(text: string): string | undefined {
  const [address = '', length = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^\d{1,3}$/.test(length)) return undefined;
  const bits = Number(length);
  // Leading zeros were accepted by old parsers; the canonical form has none.
  const v4 = address.replace(/(^|\.)0+(?=\d)/g, '$1');
  if (isIPv4(v4)) return bits <= 32 ? `${v4}/${String(bits)}` : undefined;
  if (!isIPv6(address) || address.includes('%') || bits > 128) return undefined;
  // The URL parser writes IPv6 in the RFC 5952 form, with IPv4-mapped addresses in hexadecimal.
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return `${canonical}/${String(bits)}`;
  const value = (parseInt(mapped[1] ?? '', 16) << 16) | parseInt(mapped[2] ?? '', 16);
  const dotted = [24, 16, 8, 0].map((shift) => String((value >>> shift) & 255)).join('.');
  return `${dotted}/${String(bits > 32 ? bits - 96 : bits)}`;
}
