import ipaddr from 'ipaddr.js';

/** An IP address with the length of its network's prefix, canonical text of both: `10.0.0.5/24` has network `10.0.0.0/24`. */
export interface IpPrefix {
  readonly family: 4 | 6;
  readonly address: string;
  readonly length: number;
  /** `address/length`. */
  readonly text: string;
  /** The network that the address lies in, `address/length` with all bits after the prefix zero. */
  readonly network: string;
  /** The address with all bits after the prefix one: an IPv4 network's directed broadcast address (RFC 919); meaningless for IPv6. */
  readonly broadcast: string;
}

/**
 * Parses `address/length` in the usual notation (RFC 4632, RFC 4291) and makes it canonical.
 *
 * @returns undefined when the text is not that
 */
export function parseIpPrefix(text: string): IpPrefix | undefined {
  const [addressText = '', lengthText = '', ...rest] = text.split('/');
  const address = parseAddress(addressText);
  if (address === undefined || rest.length > 0 || !/^\d{1,3}$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > (address.kind() === 'ipv4' ? 32 : 128)) return undefined;
  return {
    family: address.kind() === 'ipv4' ? 4 : 6,
    address: address.toString(),
    length,
    text: `${address.toString()}/${length}`,
    network: `${networkAddress(address, length)}/${length}`,
    broadcast: broadcastAddress(address, length),
  };
}

/**
 * Parses an IP address and makes it canonical.
 *
 * @returns undefined when the text is none
 */
export function parseIpAddress(
  text: string,
): { readonly family: 4 | 6; readonly address: string } | undefined {
  const address = parseAddress(text);
  return address && { family: address.kind() === 'ipv4' ? 4 : 6, address: address.toString() };
}

/** Whether an address lies in a network; false when their families differ. Both must be valid. */
export function networkContains(network: string, address: string): boolean {
  const [range, length] = ipaddr.parseCIDR(network);
  const candidate = ipaddr.parse(address);
  return candidate.kind() === range.kind() && candidate.match(range, length);
}

/** What kind of address it is by IANA's special-purpose registries: `unicast`, `multicast`, `unspecified`, `linkLocal`, … */
export function addressRange(address: string): string {
  return ipaddr.parse(address).range();
}

function parseAddress(text: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  if (ipaddr.IPv4.isValidFourPartDecimal(text)) return ipaddr.IPv4.parse(text);
  // Zone identifiers name a link of this host, which has no meaning in a pod.
  return text.includes(':') && !text.includes('%') && ipaddr.IPv6.isValid(text)
    ? ipaddr.IPv6.parse(text)
    : undefined;
}

function networkAddress(address: ipaddr.IPv4 | ipaddr.IPv6, length: number): string {
  const text = `${address.toString()}/${length}`;
  return (
    address.kind() === 'ipv4'
      ? ipaddr.IPv4.networkAddressFromCIDR(text)
      : ipaddr.IPv6.networkAddressFromCIDR(text)
  ).toString();
}

function broadcastAddress(address: ipaddr.IPv4 | ipaddr.IPv6, length: number): string {
  const text = `${address.toString()}/${length}`;
  return (
    address.kind() === 'ipv4'
      ? ipaddr.IPv4.broadcastAddressFromCIDR(text)
      : ipaddr.IPv6.broadcastAddressFromCIDR(text)
  ).toString();
}
