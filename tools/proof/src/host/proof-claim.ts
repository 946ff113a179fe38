import type { AllocatedClaim, AllocatedDevice } from '@patchbay/dra';

/** One link that a claim asks for. */
export interface Wish {
  readonly kind: 'veth' | 'macvlan' | 'hostdev';
  readonly device: string;
  /** How the interface is to be, as a user writes it; its name must be given. */
  readonly interface: { readonly name: string; readonly addresses?: readonly string[] } & Readonly<
    Record<string, unknown>
  >;
  /** How many addresses it gets of ranges and DHCP servers; default: none. */
  readonly held?: number;
  /** Further parameters beside `interface`. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** A claim for some links, allocated and reserved for pods. */
export function proofClaim(uid: string, wishes: readonly Wish[], pods: readonly string[]): AllocatedClaim {
  return {
    ...{ uid, namespace: 'default', name: uid },
    reservedFor: pods.map((pod) => ({ resource: 'pods', name: pod, uid: pod })),
    devices: wishes.map(({ kind, device, interface: wanted, more }, index): AllocatedDevice => ({
      request: `net-${index}`,
      pool: `node/${kind}`,
      device,
      adminAccess: false,
      configs: [
        {
          source: 'FromClaim',
          parameters: {
            apiVersion: 'patchbay.dev/v1alpha1',
            kind: 'InterfaceConfig',
            interface: wanted,
            ...more,
          },
        },
      ],
    })),
  };
}
