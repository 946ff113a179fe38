import * as z from 'zod';
import { ipAddress, isIpv6, network } from './address-schemas.ts';

/** Largest number of a routing table, metric or mark: 32 bits. */
export const largestNumber = 0xffff_ffff;

/** One route as the parameters give it, canonical. */
export const route = z
  .strictObject({
    destination: network.describe('Network to reach, such as 192.0.2.0/24; 0.0.0.0/0 or ::/0 for all'),
    gateway: ipAddress
      .optional()
      .describe(
        'Next hop, for an IPv4 destination also an IPv6 one; without it the destination is on the link',
      ),
    source: ipAddress.optional().describe('Preferred source address; must be one of the interface'),
    scope: z
      .enum(['global', 'link', 'host'])
      .optional()
      .describe('Default: link without gateway, else global'),
    table: z
      .int()
      .min(1)
      .max(largestNumber)
      .optional()
      .describe("Routing table; default: the VRF's, or 254 (main)"),
    metric: z
      .int()
      .min(0)
      .max(largestNumber)
      .optional()
      .describe('Priority; of routes to the same destination the lowest metric wins'),
    mtu: z.int().min(68).max(65_535).optional().describe('Largest packet on this route in bytes'),
    onlink: z
      .boolean()
      .optional()
      .describe('Take the gateway for reachable on the link whatever the addresses say'),
    override: z
      .boolean()
      .optional()
      .describe('For default routes: go before the one that the CNI plugin has set up'),
  })
  .superRefine((value, context) => {
    const { destination, gateway, source, scope, mtu } = value;
    const mistake = (field: keyof typeof value, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (source !== undefined && isIpv6(source) !== isIpv6(destination)) {
      mistake('source', `'${source}' and destination '${destination}' are of different IP versions`);
    }
    // RFC 8950: an IPv4 route may lead over an IPv6 neighbour, and never the other way round.
    if (gateway !== undefined && isIpv6(destination) && !isIpv6(gateway)) {
      mistake('gateway', `'${gateway}' and destination '${destination}' are of different IP versions`);
    }
    if (gateway !== undefined && scope !== undefined && scope !== 'global') {
      mistake(
        'scope',
        `scope '${scope}' contradicts the gateway; a route through a gateway has scope global`,
      );
    }
    if (scope !== undefined && scope !== 'global' && isIpv6(destination)) {
      mistake('scope', `'${scope}' has no meaning for the IPv6 destination '${destination}'; leave it out`);
    }
    if (mtu !== undefined && mtu < smallestIpv6Mtu && isIpv6(destination)) {
      mistake('mtu', `${mtu} is less than the ${smallestIpv6Mtu} bytes that IPv6 needs; raise it`);
    }
    if (value.override === true && !destination.endsWith('/0')) {
      mistake('override', `is for default routes only, and '${destination}' is none; leave it out`);
    }
    if (value.onlink === true && gateway === undefined) {
      mistake('onlink', 'needs a gateway; without one the destination is on the link anyway');
    }
  });

/** Smallest MTU of a link with IPv6 in bytes (RFC 8200, section 5); below it the kernel switches IPv6 off on the link. */
export const smallestIpv6Mtu = 1280;

/** One route as the parameters give it. */
export type RouteConfig = z.output<typeof route>;
