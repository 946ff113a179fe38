import * as z from 'zod';
import { hardwareAddress } from './address-schemas.ts';

/** Largest size that the kernel takes for a packet before segmentation or after merging (`GSO_MAX_SIZE`, linux/netdevice.h). */
const largestAggregate = 524_280;
/** The kernel wants room for a TCP header with all that may precede it (`MAX_TCP_HEADER`, some 320 bytes). */
const smallestAggregate = 1024;

const aggregate = (what: string) =>
  z
    .int()
    .min(smallestAggregate)
    .max(largestAggregate)
    .optional()
    .describe(`Largest ${what} in bytes; default: as it is`);

const forwarding = z
  .union([z.boolean(), z.strictObject({ ipv4: z.boolean().optional(), ipv6: z.boolean().optional() })])
  .transform((given) => (typeof given === 'boolean' ? { ipv4: given, ipv6: given } : given));

const inherit = z
  .union([
    z.boolean(),
    z.strictObject({
      addresses: z.boolean().optional(),
      routes: z.boolean().optional(),
      neighbours: z.boolean().optional(),
    }),
  ])
  .transform((given) =>
    typeof given === 'boolean' ? { addresses: given, routes: given, neighbours: given } : given,
  );

/** What the link itself is to be. */
export const linkSettingsShape = {
  mtu: z.int().min(68).max(65_535).optional().describe('Largest packet in bytes; default: as it is'),
  hardwareAddress: hardwareAddress.optional().describe('MAC address; default: as it is'),
  txQueueLength: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe('Packets that the transmit queue holds; default: as it is'),
  gsoMaxSize: aggregate('packet that is handed to the link to be segmented'),
  groMaxSize: aggregate('packet that received ones are merged to'),
  gsoIPv4MaxSize: aggregate('IPv4 packet that is handed to the link to be segmented'),
  groIPv4MaxSize: aggregate('packet that received IPv4 ones are merged to'),
  promiscuous: z.boolean().optional().describe('Whether it receives all packets'),
  allMulticast: z.boolean().optional().describe('Whether it receives all multicast packets'),
  forwarding: forwarding
    .optional()
    .describe('Whether packets that come in by it are forwarded; true or false for both IP versions'),
  detachEBPF: z
    .boolean()
    .optional()
    .describe('Take the eBPF programs (tc, TCX and XDP) from the link before it carries packets in the pod'),
  inherit: inherit
    .optional()
    .describe('For host links: what the claim gives none of is as it was on the host'),
} as const;
