import ipaddr from 'ipaddr.js';

/** The bytes of an IPv4 or IPv6 address in text; 4 or 16. */
export function addressBytes(text: string): Uint8Array {
  return Uint8Array.from(ipaddr.parse(text).toByteArray());
}

/** Canonical text of an address of 4 or 16 bytes. */
export function addressText(bytes: Uint8Array): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** Whether a server may give the address to a client: no group, loopback, broadcast or unspecified address. */
export function isUnicast(text: string): boolean {
  return !['unspecified', 'multicast', 'broadcast', 'loopback'].includes(ipaddr.parse(text).range());
}

/** The network that an address lies in, `address/length`. */
export function networkOf(address: string, length: number): string {
  const text = `${address}/${length}`;
  const network = address.includes(':')
    ? ipaddr.IPv6.networkAddressFromCIDR(text)
    : ipaddr.IPv4.networkAddressFromCIDR(text);
  return `${network.toString()}/${length}`;
}

/** Whether an IPv4 address is in the network of `address/length`. */
export function networkContains(prefix: string, address: string): boolean {
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(prefix));
}

/** The bytes of a hardware address such as `02:00:5e:10:00:01`. */
export function hardwareBytes(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

/** A hardware address in text. */
export function hardwareText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
