import * as z from 'zod';
import { addressRange, type IpPrefix, networkContains, parseIpAddress, parseIpPrefix } from './ip.ts';
import { interfaceNameMistake } from './interface-name.ts';

/** `apiVersion` of all documents that users write for Patchbay. */
export const apiVersion = 'patchbay.dev/v1alpha1';

const interfaceName = z.string().superRefine((name, context) => {
  const mistake = interfaceNameMistake(name);
  if (mistake !== undefined) context.addIssue(mistake);
});

const interfaceAddress = z.string().transform((text, context) => {
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

const hardwareAddress = z.string().transform((text, context) => {
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

const ipAddress = z.string().transform((text, context) => {
  const parsed = parseIpAddress(text);
  const mistake =
    parsed === undefined
      ? `'${text}' is no IP address; write it like 192.0.2.1 or 2001:db8::1`
      : mappedAddressMistake(text, parsed.address);
  if (parsed !== undefined && mistake === undefined) return parsed.address;
  context.addIssue(mistake ?? '');
  return z.NEVER;
});

const network = z.string().transform((text, context) => {
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

const route = z
  .strictObject({
    destination: network.describe('Network to reach, such as 192.0.2.0/24; 0.0.0.0/0 or ::/0 for all'),
    gateway: ipAddress.optional().describe('Next hop; without it the destination is on the link'),
    source: ipAddress.optional().describe('Preferred source address; must be one of the interface'),
    scope: z
      .enum(['global', 'link', 'host'])
      .optional()
      .describe('Default: link without gateway, else global'),
    table: z.int().min(1).max(0xffff_ffff).optional().describe('Routing table; default 254 (main)'),
    metric: z.int().min(0).max(0xffff_ffff).optional().describe('Priority; the lowest metric wins'),
    onlink: z
      .boolean()
      .optional()
      .describe('Take the gateway for reachable on the link whatever the addresses say'),
  })
  .superRefine((value, context) => {
    for (const field of ['gateway', 'source'] as const) {
      const address = value[field];
      if (address !== undefined && address.includes(':') !== value.destination.includes(':')) {
        context.addIssue({
          code: 'custom',
          path: [field],
          message: `'${address}' and destination '${value.destination}' are of different IP versions`,
        });
      }
    }
    if (value.gateway !== undefined && value.scope !== undefined && value.scope !== 'global') {
      context.addIssue({
        code: 'custom',
        path: ['scope'],
        message: `scope '${value.scope}' contradicts the gateway; a route through a gateway has scope global`,
      });
    }
  });

const interfaceSection = z.strictObject({
  name: interfaceName
    .optional()
    .describe("Name in the pod, at most 15 characters; default: the device's own"),
  addresses: z.array(interfaceAddress).max(16).optional().describe('Static addresses with prefix lengths'),
  mtu: z.int().min(68).max(65_535).optional().describe('Largest packet in bytes; default: as it is'),
  hardwareAddress: hardwareAddress.optional().describe('MAC address; default: as it is'),
});

/** The part of the claim parameters that is the same for every backend. */
export const interfaceConfigShape = {
  apiVersion: z.literal(apiVersion),
  kind: z.literal('InterfaceConfig'),
  interface: interfaceSection.optional(),
  routes: z.array(route).max(256).optional(),
} as const;

/** One document of claim parameters, without the backends' sections. */
export type InterfaceConfig = z.output<z.ZodObject<typeof interfaceConfigShape>>;
/** One route as the parameters give it, canonical. */
export type RouteConfig = z.output<typeof route>;

/**
 * Finds what contradicts itself only once all documents are merged: gateways that cannot be reached and sources that the interface does
 * not have. Without this check the kernel would refuse the route while the pod starts, in fewer words.
 */
export function routeMistakes(
  addresses: readonly string[],
  routes: readonly RouteConfig[],
): { readonly path: string; readonly message: string }[] {
  const onLink = [
    ...addresses,
    ...routes.filter((candidate) => candidate.gateway === undefined).map(({ destination }) => destination),
  ];
  return routes.flatMap(({ gateway, source, onlink, destination }, index) => {
    const mistakes: { path: string; message: string }[] = [];
    const linkLocal = gateway !== undefined && addressRange(gateway) === 'linkLocal' && gateway.includes(':');
    if (
      gateway !== undefined &&
      onlink !== true &&
      !linkLocal &&
      !onLink.some((on) => networkContains(on, gateway))
    ) {
      mistakes.push({
        path: `routes[${index}].gateway`,
        message: `'${gateway}' (for ${destination}) is in no network of interface.addresses and behind no route without gateway; correct it, or set onlink: true`,
      });
    }
    if (source !== undefined && !addresses.some((address) => address.split('/')[0] === source)) {
      mistakes.push({
        path: `routes[${index}].source`,
        message: `'${source}' is none of interface.addresses (${addresses.join(', ') || 'none given'})`,
      });
    }
    return mistakes;
  });
}

/**
 * The routes in an order in which the kernel takes them: those without gateway first, because a gateway must be reachable when its route is
 * added. Otherwise as they were given.
 */
export function routesInOrder(routes: readonly RouteConfig[]): RouteConfig[] {
  const isDirect = ({ gateway }: RouteConfig) => gateway === undefined;
  return [...routes.filter(isDirect), ...routes.filter((route) => !isDirect(route))];
}

/** Smallest MTU of a link with IPv6 in bytes (RFC 8200, section 5); below it the kernel switches IPv6 off on the link. */
const smallestIpv6Mtu = 1280;

/** Finds an MTU with which the kernel would refuse the interface's IPv6 addresses and routes. */
export function mtuMistakes(
  mtu: number | undefined,
  addresses: readonly string[],
  routes: readonly RouteConfig[],
): { readonly path: string; readonly message: string }[] {
  if (mtu === undefined || mtu >= smallestIpv6Mtu) return [];
  const needing =
    addresses.find((address) => address.includes(':')) ??
    routes.find(({ destination }) => destination.includes(':'))?.destination;
  return needing === undefined
    ? []
    : [
        {
          path: 'interface.mtu',
          message: `${mtu} is less than the ${smallestIpv6Mtu} bytes that IPv6 needs, and '${needing}' is IPv6; raise it or leave IPv6 out`,
        },
      ];
}
