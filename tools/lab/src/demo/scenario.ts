import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import type { PodTemplate } from '../cluster/lab-cluster.ts';
import { resourceClaim } from '../cluster/patchbay-objects.ts';

/** What one pod of the demo asks for and must get. */
export interface Attachment {
  readonly backend: 'veth' | 'macvlan' | 'hostdev';
  readonly pod: string;
  readonly peer: string;
  readonly interface: {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly mtu: number;
    readonly hardwareAddress?: string;
  };
  readonly routes?: readonly { readonly destination: string; readonly gateway: string }[];
}

/** Two pods on each backend; the two of a backend ping each other. */
export const attachments: readonly Attachment[] = (['veth', 'macvlan', 'hostdev'] as const).flatMap(
  (backend, network) =>
    [1, 2].map((host) => ({
      backend,
      pod: `${backend}-${host}`,
      peer: `10.20.${network}.${3 - host}`,
      interface: {
        name: { veth: 'blue0', macvlan: 'lan0', hostdev: 'fast0' }[backend],
        addresses: [`10.20.${network}.${host}/24`, `2001:db8:20:${network + 1}::${host}/64`],
        mtu: { veth: 1400, macvlan: 4000, hostdev: 8000 }[backend],
        ...(backend === 'macvlan' ? { hardwareAddress: `02:00:5e:00:53:0${host}` } : {}),
      },
      ...(backend === 'hostdev'
        ? { routes: [{ destination: '10.99.0.0/16', gateway: `10.20.${network}.254` }] }
        : {}),
    })),
);

/** Entries of the driver's configuration. */
export const backends: readonly object[] = [
  { kind: 'veth', networks: [{ name: 'blue', mode: 'bridge', bridge: 'br-blue', devices: 16 }] },
  { kind: 'macvlan', parents: [{ link: 'uplink0', devices: 8 }] },
  { kind: 'hostdev', links: [{ name: 'nic*' }] },
];

/** The claim of a pod. */
export function claimOf({ backend, pod, interface: section, routes }: Attachment): KubeObject {
  return resourceClaim({
    name: pod,
    backend,
    parameters: { interface: section, ...(routes === undefined ? {} : { routes }) },
  });
}

/** A pod with one container that uses the claim of the pod's name. */
export function podTemplate({ pod }: { readonly pod: string }): PodTemplate {
  return {
    metadata: { name: pod },
    spec: {
      containers: [{ name: 'main', resources: { claims: [{ name: 'net' }] } }],
      resourceClaims: [{ name: 'net', resourceClaimName: pod }],
    },
  };
}
