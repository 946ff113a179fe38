import type { ServiceDefinition } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { draDescriptor } from '../generated/dra-descriptor.ts';

const definitions = fromJSON(draDescriptor as Parameters<typeof fromJSON>[0], {
  longs: Number,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
});

/** A service under its name on the wire, which differs from the name it is registered by. */
function service(wireName: string): ServiceDefinition {
  const definition = definitions[wireName];
  if (definition === undefined || 'format' in definition)
    throw new Error(`proto/dra has no service ${wireName}`);
  return definition;
}

/** `pluginregistration.Registration`. */
export const registrationService = service('pluginregistration.Registration');
/** The claim calls of Kubernetes 1.34 and later. */
export const draPluginV1 = service('k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin');
/** The claim calls of Kubernetes 1.32 and later. */
export const draPluginV1beta1 = service('k8s.io.kubelet.pkg.apis.dra.v1beta1.DRAPlugin');
/** Device health of Kubernetes 1.37 and later. */
export const draHealthV1 = service('v1.DRAResourceHealth');
/** Device health of Kubernetes 1.34 and later. */
export const draHealthV1alpha1 = service('v1alpha1.DRAResourceHealth');
