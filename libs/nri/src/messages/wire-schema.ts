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

/** An NRI enum by its short name, 'Event'. */
export function nriEnum(name: string): protobuf.Enum {
  return root.lookupEnum(`nri.pkg.api.v1alpha1.${name}`);
}

const prepared = new Set<protobuf.Type>();

/**
 * Makes protobuf.js write and compile the code for a message and all that it contains, which it else does at the first message: some
 * milliseconds that are better spent before a runtime waits.
 */
export function prepareType(type: protobuf.Type): void {
  if (prepared.has(type)) return;
  prepared.add(type);
  type.setup();
  for (const field of type.fieldsArray) {
    const { resolvedType } = field.resolve();
    if (resolvedType !== null && 'fieldsArray' in resolvedType) prepareType(resolvedType);
  }
}
