import * as z from 'zod';
import type { ConfigIssue } from '../../errors/driver-errors.ts';

const dhcp = z.strictObject({
  ipv4: z.boolean().optional().describe('Lease an IPv4 address; default: true'),
  ipv6: z.boolean().optional().describe('Lease an IPv6 address (DHCPv6); default: false'),
  hostName: z
    .string()
    .regex(/^[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?$/, {
      error: 'must be a host name without domain, at most 63 letters, digits and -, such as web-0',
    })
    .optional()
    .describe('Name that servers are told; default: none'),
  clientId: z
    .string()
    .min(1)
    .max(254)
    .optional()
    .describe('DHCPv4 client identifier; default: the hardware address'),
  routes: z
    .boolean()
    .optional()
    .describe("Take over the server's classless routes, apart from default routes; default: true"),
  defaultRoute: z
    .boolean()
    .optional()
    .describe("Take over the server's default route, before the one of the CNI plugin; default: false"),
  mtu: z
    .boolean()
    .optional()
    .describe(
      "Take over the server's MTU where interface.mtu gives none and the link can do it; default: true",
    ),
  timeoutSeconds: z
    .int()
    .min(1)
    .max(40)
    .optional()
    .describe('How long servers are waited for while the claim is prepared; default: 15'),
});

/** Where the interface's addresses come from when the claim does not give them itself: members of `interface`, and of its setup. */
export const addressSourcesShape = {
  addressRange: z
    .string()
    .min(1)
    .optional()
    .describe("Name of a range in the driver's configuration that the address is taken from"),
  dhcp: dhcp
    .optional()
    .describe('Addresses are leased from DHCP servers, for as long as the claim is prepared'),
  slaac: z
    .boolean()
    .optional()
    .describe("Make IPv6 addresses and routes of routers' advertisements, also while forwarding"),
} as const;

/** Members of an interface that say where its addresses come from. */
export type AddressSources = {
  readonly [Name in keyof typeof addressSourcesShape]?: z.output<(typeof addressSourcesShape)[Name]>;
};
/** How addresses are leased. */
export type DhcpConfig = z.output<typeof dhcp>;

/** Whether the interface has addresses that are known only when the claim is prepared. */
export function hasAddressesToCome({ addressRange, dhcp: leased }: AddressSources): boolean {
  return addressRange !== undefined || leased !== undefined;
}

/** The IP versions of which addresses are leased. */
export function leasedFamilies(config: DhcpConfig | undefined): readonly (4 | 6)[] {
  if (config === undefined) return [];
  return [...(config.ipv4 === false ? [] : [4 as const]), ...(config.ipv6 === true ? [6 as const] : [])];
}

/** Sources that contradict each other. */
export function addressSourceMistakes(
  sources: AddressSources & {
    readonly addresses: readonly string[];
    readonly sysctls?: Readonly<Record<string, number>> | undefined;
    readonly inherit?: { readonly addresses?: boolean | undefined } | undefined;
  },
): ConfigIssue[] {
  const { dhcp: leased, slaac, addresses, sysctls, inherit } = sources;
  const mistakes: ConfigIssue[] = [];
  const families = leasedFamilies(leased);
  if (leased !== undefined && families.length === 0) {
    mistakes.push({
      path: 'interface.dhcp',
      message: 'leases nothing: ipv4 is false and ipv6 is not true; set one of them, or leave dhcp out',
    });
  }
  for (const family of families) {
    const given = addresses.find((address) => address.includes(':') === (family === 6));
    if (given === undefined) continue;
    mistakes.push({
      path: `interface.dhcp.ipv${family}`,
      message: `leases an IPv${family} address, and interface.addresses gives '${given}'; leave that out, or set ${family === 4 ? 'ipv4: false' : 'ipv6: false'}`,
    });
  }
  if (leased !== undefined && inherit?.addresses === true) {
    mistakes.push({
      path: 'interface.inherit.addresses',
      message:
        "takes over the host's addresses beside those that interface.dhcp leases; leave one of them out",
    });
  }
  for (const [name, needed] of Object.entries(slaac === true ? slaacSysctls : {})) {
    const given = sysctls?.[name];
    if (given === undefined || given === needed) continue;
    mistakes.push({
      path: `interface.sysctls.${name}`,
      message: `${given} contradicts interface.slaac, which needs ${needed}; leave one of them out`,
    });
  }
  return mistakes;
}

/**
 * What makes the kernel configure a link by router advertisements, also where it forwards packets (`accept_ra` 2) and where the pod's
 * default is no IPv6 (Documentation/networking/ip-sysctl.rst).
 */
export const slaacSysctls = {
  'net.ipv6.conf.IFNAME.disable_ipv6': 0,
  'net.ipv6.conf.IFNAME.accept_ra': 2,
  'net.ipv6.conf.IFNAME.autoconf': 1,
} as const;
