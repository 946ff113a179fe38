import * as z from 'zod';
import { leaseRecordSchema } from '../addresses/lease-record.ts';
import type { JsonObject } from '../backend/json.ts';

/** Version of the journal's format; a record of another version is set aside, never guessed at. */
export const recordVersion = 1;

const jsonObject = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;

const deviceRecord = z.strictObject({
  /** Backend that owns the device. */
  kind: z.string(),
  pool: z.string(),
  /** The device as it was published when it was allocated; it stays published like this while the claim holds it. */
  device: z.looseObject({
    name: z.string(),
    identity: z.string(),
    attributes: z.record(z.string(), z.json()),
  }),
  /** Full name of the claim's request, `req` or `req/sub`. */
  request: z.string(),
  shareId: z.string().optional(),
  adminAccess: z.boolean(),
  interfaceName: z.string(),
  prepared: jsonObject,
  /** Addresses that the device holds from ranges of the configuration. */
  addresses: z.array(z.strictObject({ range: z.string(), address: z.string() })).optional(),
  /** Addresses that the device has leased from DHCP servers. */
  leases: z.array(leaseRecordSchema).optional(),
});

const sandboxRecord = z.strictObject({
  podUID: z.string(),
  podName: z.string(),
  podNamespace: z.string(),
  sandboxId: z.string(),
  networkNamespacePath: z.string(),
  shared: z.boolean().optional(),
});

const attachmentRecord = z.strictObject({
  /**
   * - `attaching`: devices may be on their way into the sandbox; written before the first is touched
   * - `attached`: all are there
   * - `detaching`: devices may be on their way back
   */
  phase: z.enum(['attaching', 'attached', 'detaching']),
  /** When the phase began, in milliseconds of `Date.now`. */
  since: z.number().optional(),
  sandbox: sandboxRecord,
  /** Indexes in the pod of the links that were attached, by the names that they were given; the pod may call them otherwise since. */
  linkIndexes: z.record(z.string(), z.int()).optional(),
});

const failureRecord = z.strictObject({
  doing: z.enum(['attaching', 'detaching']),
  pod: z.strictObject({ namespace: z.string(), name: z.string(), uid: z.string() }),
  /** In milliseconds of `Date.now`. */
  at: z.number(),
  message: z.string(),
});

/** Schema of a journalled claim. */
export const claimRecordSchema = z.strictObject({
  version: z.literal(recordVersion),
  /** `/proc/sys/kernel/random/boot_id` of the boot in which the claim was prepared; links of an earlier boot are gone. */
  bootId: z.string(),
  claim: z.strictObject({ uid: z.string(), namespace: z.string(), name: z.string() }),
  /** Name by which the pod knows a claim that was made for it alone from a template. */
  podClaimName: z.string().optional(),
  /** When the claim was prepared, in milliseconds of `Date.now`. */
  preparedAt: z.number().optional(),
  /** UIDs of the pods that the claim was reserved for when it was prepared. */
  podUIDs: z.array(z.string()),
  devices: z.array(deviceRecord),
  /** The sandboxes that the devices are in, on the way to or on the way back from; at most one per pod, in the order of attaching. */
  attachments: z.array(attachmentRecord),
  /** Why the last work on the attachments failed; for people. Gone once something has succeeded, or is begun again. */
  failure: failureRecord.optional(),
});

/** All that the driver knows about a prepared claim, as one plain JSON value. */
export type ClaimRecord = z.output<typeof claimRecordSchema>;
/** One device of a {@link ClaimRecord}. */
export type DeviceRecord = z.output<typeof deviceRecord>;
/** Why work on a claim failed. */
export type FailureRecord = z.output<typeof failureRecord>;
/** Where a claim's devices are. */
export type AttachmentRecord = z.output<typeof attachmentRecord>;
