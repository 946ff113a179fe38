import { plainReader } from './plain-reader.ts';
import type { WireObject } from './plain-reader.ts';
import type { PodSandbox } from './pod-sandbox.ts';
import { nriType } from './wire-schema.ts';

const read = plainReader(nriType('PodSandbox'));
const absent = nriType('PodSandbox').create() as unknown as WireObject;

/** From the decoded NRI message; all fields are empty when it is absent. */
export function podSandboxFrom(message: WireObject | null | undefined): PodSandbox {
  const plain = read(message ?? absent) as unknown as PodSandbox & {
    pid?: number;
    networkNamespacePath?: string;
  };
  // 0 says that the runtime does not know it.
  if (plain.pid === 0) delete plain.pid;
  const network = plain.linux?.namespaces.find((namespace) => namespace.type === 'network');
  if (network !== undefined && network.path !== '') plain.networkNamespacePath = network.path;
  return plain;
}
