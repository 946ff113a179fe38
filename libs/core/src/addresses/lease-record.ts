import type { DhcpLease } from '@patchbay/dhcp';
import type { MacvlanData } from '@patchbay/netlink';
import * as z from 'zod';
import type { RouteSetup } from '../interfaces/interface-setup.ts';

/** A link of the host by its name, with the index that it had when the claim was prepared. */
export type HostLinkReference = { readonly name: string; readonly index: number };

/**
 * From where the network of an interface can be reached while the interface itself does not exist, or is not in its pod. Plain JSON.
 *
 * - `host-link`: the link itself, while it is on the host
 * - `parent`: a link that is built on the parent as the pod's will be
 * - `bridge-port`: a veth pair on the bridge, as the pod's will be
 */
export type LeasePath =
  | { readonly kind: 'host-link'; readonly link: HostLinkReference }
  | { readonly kind: 'parent'; readonly parent: HostLinkReference; readonly data: MacvlanData }
  | { readonly kind: 'bridge-port'; readonly bridge: HostLinkReference };

/** A lease that a claim's device has. Plain JSON, in the claim's record. */
export type LeaseRecord = {
  readonly lease: DhcpLease;
  readonly path: LeasePath;
  /** The routes that the interface has from it. */
  readonly routes: readonly RouteSetup[];
};

const reference = z.strictObject({ name: z.string(), index: z.int() });

/** Schema of a journalled {@link LeaseRecord}; what a server said is taken as it was written. */
export const leaseRecordSchema = z.strictObject({
  lease: z.looseObject({
    family: z.union([z.literal(4), z.literal(6)]),
    address: z.string(),
    identity: z.looseObject({ hardwareAddress: z.string() }),
    server: z.string(),
    obtainedAt: z.number(),
  }),
  path: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('host-link'), link: reference }),
    z.strictObject({
      kind: z.literal('parent'),
      parent: reference,
      data: z.looseObject({ kind: z.string() }),
    }),
    z.strictObject({ kind: z.literal('bridge-port'), bridge: reference }),
  ]),
  routes: z.array(z.looseObject({ destination: z.string() })),
}) as unknown as z.ZodType<LeaseRecord>;
