import { hostname } from 'node:os';
import { addressRangesSchema, apiVersion, linkPatternSchema } from '@patchbay/core';
import * as z from 'zod';

const absolutePath = z.string().regex(/^\//, { error: 'must be an absolute path, beginning with /' });

const dnsSubdomain = z
  .string()
  .max(63)
  .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/, {
    error: 'must be a DNS subdomain: lower-case letters, digits, - and . such as patchbay.dev',
  });

/** YAML takes digits alone for a number. */
function inQuotes(input: unknown, digits = 1): string | undefined {
  return typeof input === 'number'
    ? `write it in quotes, "${String(input).padStart(digits, '0')}"`
    : undefined;
}

/** Schema of the driver's configuration file. Each backend checks its own entry of `backends`, see `loadDriverConfig`. */
export const driverConfigSchema = z.strictObject({
  apiVersion: z.literal(apiVersion),
  kind: z.literal('DriverConfig'),
  driverName: dnsSubdomain
    .default('patchbay.dev')
    .describe('Name under which the driver registers; device classes name it'),
  nodeName: z
    .string({ error: ({ input }) => inQuotes(input) })
    .min(1)
    .prefault(() => process.env['NODE_NAME'] ?? hostname())
    .describe("The node's name in the cluster; default: $NODE_NAME, else the host's name"),
  kubernetes: z
    .strictObject({
      kubeconfig: absolutePath.optional().describe('Default: the service account of the pod'),
      requestTimeoutSeconds: z
        .number()
        .min(1)
        .max(600)
        .default(30)
        .describe('After so long without an answer a request is given up and repeated'),
      watchSilenceSeconds: z
        .number()
        .min(1)
        .max(3600)
        .default(150)
        .describe(
          'After so long without a word a watch counts as dead; API servers speak about every minute',
        ),
    })
    .prefault({}),
  kubelet: z
    .strictObject({
      registryDirectory: absolutePath.default('/var/lib/kubelet/plugins_registry'),
      pluginsDirectory: absolutePath.default('/var/lib/kubelet/plugins'),
      podUID: z
        .string({ error: ({ input }) => inQuotes(input) })
        .regex(/^[-A-Za-z0-9]*$/, { error: 'must be the UID of the pod, such as its field metadata.uid' })
        .prefault(() => process.env['POD_UID'] ?? '')
        .describe(
          "UID of the driver's pod: lets the next instance start before this one ends (kubelet 1.33+); default: $POD_UID",
        ),
    })
    .prefault({}),
  nri: z
    .strictObject({
      socketPath: absolutePath.default('/var/run/nri/nri.sock'),
      pluginIndex: z
        .string({ error: ({ input }) => inQuotes(input, 2) })
        .regex(/^\d\d$/, { error: 'must be two digits in quotes, such as "10"' })
        .default('10')
        .describe("Order among the runtime's plugins"),
    })
    .prefault({}),
  cdi: z.strictObject({ directory: absolutePath.default('/var/run/cdi') }).prefault({}),
  state: z
    .strictObject({
      directory: absolutePath
        .default('/run/patchbay')
        .describe('Journal and gates; on a tmpfs, under the same path for driver and runtime'),
    })
    .prefault({}),
  repair: z
    .strictObject({
      intervalSeconds: z
        .number()
        .min(1)
        .max(3600)
        .default(60)
        .describe(
          'About how often journal, kernel and runtime are compared and brought together, beside all other occasions',
        ),
    })
    .prefault({}),
  devices: z
    .strictObject({
      sharing: z
        .enum(['auto', 'discrete'])
        .default('auto')
        .describe(
          'How devices that several claims may have are published: auto takes one device with consumable capacity where the API server knows that, discrete always takes one device for each claim',
        ),
      carrierTaint: z
        .enum(['NoSchedule', 'NoExecute', 'None', 'off'])
        .default('NoSchedule')
        .describe('Effect of the taint patchbay.dev/no-carrier on devices whose link has no carrier'),
      reserved: z
        .array(linkPatternSchema)
        .default([])
        .describe(
          "Links that the node keeps for itself, and all that carries them, beside those that are recognised as the node's own wiring: default routes, bridges, bonds, network plugins",
        ),
    })
    .prefault({}),
  addressRanges: addressRangesSchema
    .default([])
    .describe('Addresses that claims may be given by the name of their range'),
  metrics: z
    .strictObject({
      address: z.string().default('127.0.0.1').describe('Address to serve /metrics, /healthz and /readyz on'),
      port: z.int().min(0).max(65_535).default(9464).describe('0 takes a free port'),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  ffi: z
    .enum(['koffi', 'ffi-napi'])
    .default('koffi')
    .describe('Foreign function adapter for kernel and library calls'),
  backends: z
    .array(z.looseObject({ kind: z.string() }))
    .min(1, { error: 'names no backend; add at least one entry such as "- kind: veth"' })
    .describe('Enabled backends; the first that finds a link owns it'),
});

/** The driver's validated configuration; defaults are filled in. */
export type DriverConfig = z.output<typeof driverConfigSchema>;
