import { parseIpPrefix } from '@patchbay/core';
import * as z from 'zod';

const linkName = z.string().min(1).max(15);
const devices = z.int().min(1).max(512).default(32).describe('How many pods may be on the network at once');
const mtu = z
  .int()
  .min(68)
  .max(65_535)
  .optional()
  .describe('MTU of both ends where the claim asks for none; default: 1500');

const networkName = z
  .string()
  .max(40)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, {
    error: 'must be a DNS label of at most 40 characters, such as storage',
  })
  .describe('Name of the network and of its device');

const gateway = (family: 4 | 6, fallback: string) =>
  z
    .string()
    .default(fallback)
    .refine((text) => parseIpPrefix(`${text}/${family === 4 ? 32 : 128}`)?.family === family, {
      error: ({ input }) => `'${String(input)}' is no IPv${family} address; write it like ${fallback}`,
    });

const bridgeNetwork = z.strictObject({
  name: networkName,
  mode: z.literal('bridge'),
  bridge: linkName.describe("Existing bridge of the host that the host's ends become ports of"),
  devices,
  mtu,
});

const routedNetwork = z.strictObject({
  name: networkName,
  mode: z.literal('routed'),
  gateway: gateway(4, '169.254.1.1').describe("IPv4 address of every host's end, the pod's next hop"),
  gateway6: gateway(6, 'fe80::1').describe("IPv6 address of every host's end, the pod's next hop"),
  devices,
  mtu,
});

/** Configuration of the veth backend. */
export const vethConfigSchema = z.strictObject({
  networks: z
    .array(z.discriminatedUnion('mode', [bridgeNetwork, routedNetwork]))
    .min(1, { error: 'names no network; add at least one with name and mode' })
    .superRefine((networks, context) => {
      networks.forEach(({ name }, index) => {
        if (networks.findIndex((other) => other.name === name) < index) {
          context.addIssue({ code: 'custom', path: [index, 'name'], message: `'${name}' is given twice` });
        }
      });
    }),
});

/** See {@link vethConfigSchema}. */
export type VethConfig = z.output<typeof vethConfigSchema>;
/** One network of {@link VethConfig}. */
export type VethNetwork = VethConfig['networks'][number];
/** A network whose host ends are routed. */
export type RoutedNetwork = Extract<VethNetwork, { mode: 'routed' }>;
