// The namespace import is what lets bundlers drop the rest of zod: `import { z }` costs 10 MiB of memory more.
import * as z from 'zod';

// Only what a driver needs; the API server may know more. The allocation looks the same in v1, v1beta2 and v1beta1.

const result = z.object({
  request: z.string(),
  driver: z.string(),
  pool: z.string(),
  device: z.string(),
  adminAccess: z.boolean().nullish(),
  shareID: z.string().nullish(),
  consumedCapacity: z.record(z.string(), z.coerce.string()).nullish(),
});

const config = z.object({
  source: z.string(),
  requests: z.array(z.string()).nullish(),
  // Parameters stay unread: those of other drivers are none of our business, ours are validated by the driver.
  opaque: z.object({ driver: z.string(), parameters: z.unknown() }).nullish(),
});

/** The part of a ResourceClaim that decides what a driver has to prepare. */
export const claimShape = z.object({
  metadata: z.object({
    name: z.string(),
    namespace: z.string(),
    uid: z.string(),
    annotations: z.record(z.string(), z.string()).nullish(),
  }),
  status: z
    .object({
      allocation: z
        .object({
          devices: z
            .object({ results: z.array(result).nullish(), config: z.array(config).nullish() })
            .nullish(),
        })
        .nullish(),
      reservedFor: z.array(z.object({ resource: z.string(), name: z.string(), uid: z.string() })).nullish(),
    })
    .nullish(),
});

/** A parsed entry of `allocation.devices.config`. */
export type ClaimConfigShape = z.infer<typeof config>;
