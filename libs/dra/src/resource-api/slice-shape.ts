import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import type { Device } from '../slices/device.ts';
import type { ResourceSlice, ResourceSliceSpec } from '../slices/resource-slice.ts';
import type { ResourceApiVersion } from './resource-api-version.ts';

// v1 and v1beta2 agree on ResourceSlices; v1beta1 wraps everything but a device's name in `basic`.

interface WrappedDevice {
  readonly name: string;
  readonly basic?: Omit<Device, 'name'>;
}

/** A slice as the API server of that version wants it. */
export function sliceForServer(
  version: ResourceApiVersion,
  metadata: object,
  spec: ResourceSliceSpec,
): { apiVersion: string; kind: 'ResourceSlice'; metadata: object; spec: object } {
  const devices = version === 'v1beta1' ? spec.devices?.map(wrap) : spec.devices;
  return {
    apiVersion: `resource.k8s.io/${version}`,
    kind: 'ResourceSlice',
    metadata,
    spec: { ...spec, ...(devices === undefined ? {} : { devices }) },
  };
}

/**
 * A slice from an API server, in the shape of v1, without the bookkeeping of server-side apply.
 *
 * @param listed the version of objects that do not tell theirs: the items of a list. Those of a watch that has survived a change of the
 * version may be of another one.
 */
export function sliceFromServer(listed: ResourceApiVersion, object: KubernetesObject): ResourceSlice {
  const version = object.apiVersion?.split('/')[1] ?? listed;
  const { spec } = object as ResourceSlice;
  const metadata = { ...object.metadata, managedFields: undefined };
  const devices = (spec.devices ?? []) as readonly (Device | WrappedDevice)[];
  return {
    ...object,
    metadata,
    spec: { ...spec, devices: version === 'v1beta1' ? devices.map(unwrap) : (devices as Device[]) },
  };
}

function wrap({ name, ...basic }: Device): WrappedDevice {
  return { name, basic };
}

function unwrap(device: Device | WrappedDevice): Device {
  const { attributes = {}, ...rest } = ('basic' in device ? device.basic : undefined) ?? { attributes: {} };
  return 'attributes' in device ? device : { ...rest, name: device.name, attributes };
}
