import type { KubeObject } from '../apiserver/objects/kube-object.ts';

/** The driver's default name. */
export const driverName = 'patchbay.dev';

/** A class by which claims ask for a device of one backend; it is called like the backend. */
export function deviceClass(backend: string): KubeObject {
  const expression = `device.driver == "${driverName}" && device.attributes["patchbay.dev"].backend == "${backend}"`;
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'DeviceClass',
    metadata: { name: backend },
    spec: { selectors: [{ cel: { expression } }] },
  } as unknown as KubeObject;
}

/** A claim for one device of a backend, with the parameters of an InterfaceConfig. */
export function resourceClaim(claim: {
  readonly name: string;
  readonly backend: string;
  readonly parameters: object;
}): KubeObject {
  const parameters = { apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig', ...claim.parameters };
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name: claim.name, namespace: 'default' },
    spec: {
      devices: {
        requests: [{ name: 'net', exactly: { deviceClassName: claim.backend } }],
        config: [{ requests: ['net'], opaque: { driver: driverName, parameters } }],
      },
    },
  } as unknown as KubeObject;
}
