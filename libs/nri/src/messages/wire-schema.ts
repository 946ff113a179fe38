import protobuf from 'protobufjs/light.js';
import { nriDescriptor } from '../generated/nri-descriptor.ts';

// The descriptor's literal type is narrower than protobuf.js' index signatures, not different.
const root = protobuf.Root.fromJSON(nriDescriptor as protobuf.INamespace);

/** Full name of the service that plugins offer. */
export const pluginServiceName = 'nri.pkg.api.v1alpha1.Plugin';
/** Full name of the service that runtimes offer. */
export const runtimeServiceName = 'nri.pkg.api.v1alpha1.Runtime';

/** A message of the descriptor by its full name. Looking one up is slow: keep it. */
export function wireType(fullName: string): protobuf.Type {
  return root.lookupType(fullName);
}

/** An NRI message by its short name, 'PodSandbox'. */
export function nriType(name: string): protobuf.Type {
  return root.lookupType(`nri.pkg.api.v1alpha1.${name}`);
}
