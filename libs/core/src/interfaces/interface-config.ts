import * as z from 'zod';
import { interfaceAddress, interfaceName } from './schema/address-schemas.ts';
import { addressSourcesShape } from './schema/address-sources-schema.ts';
import { ethtool } from './schema/ethtool-schema.ts';
import { linkSettingsShape } from './schema/link-settings-schema.ts';
import { neighbour } from './schema/neighbour-schema.ts';
import { route } from './schema/route-schema.ts';
import { rule } from './schema/rule-schema.ts';
import { sysctls } from './schema/sysctl-schema.ts';
import { vrf } from './schema/vrf-schema.ts';

/** `apiVersion` of all documents that users write for Patchbay. */
export const apiVersion = 'patchbay.dev/v1alpha1';

const interfaceSection = z.strictObject({
  name: interfaceName
    .optional()
    .describe("Name in the pod, at most 15 characters; default: the device's own"),
  addresses: z.array(interfaceAddress).max(16).optional().describe('Static addresses with prefix lengths'),
  ...addressSourcesShape,
  ...linkSettingsShape,
  sysctls: sysctls
    .optional()
    .describe('Settings of the interface: net.ipv4.conf.IFNAME.arp_ignore: 1; IFNAME stands for its name'),
  vrf: vrf.optional(),
  ethtool: ethtool.optional(),
});

/** The part of the claim parameters that is the same for every backend. */
export const interfaceConfigShape = {
  apiVersion: z.literal(apiVersion),
  kind: z.literal('InterfaceConfig'),
  interface: interfaceSection.optional(),
  routes: z.array(route).max(256).optional(),
  rules: z.array(rule).max(64).optional(),
  neighbours: z.array(neighbour).max(256).optional(),
} as const;

/** One document of claim parameters, without the backends' sections. */
export type InterfaceConfig = z.output<z.ZodObject<typeof interfaceConfigShape>>;
/** The interface as one document gives it. */
export type InterfaceSection = z.output<typeof interfaceSection>;
