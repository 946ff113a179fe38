import type { PlainMessage } from './plain-decoder.ts';
import { plainDecoder } from './plain-decoder.ts';
import type { PodSandbox } from './pod-sandbox.ts';
import { nriType } from './wire-schema.ts';

const absent = plainDecoder(nriType('PodSandbox'))(new Uint8Array());

/** Made of the plain NRI message; all fields are empty when it is absent. */
export function podSandboxFrom(message: PlainMessage | undefined): PodSandbox {
  const plain = { ...(message ?? absent) } as unknown as PodSandbox & {
    pid?: number;
    networkNamespacePath?: string;
  };
  // 0 says that the runtime does not know it.
  if (plain.pid === 0) delete plain.pid;
  const network = plain.linux?.namespaces.find((namespace) => namespace.type === 'network');
  if (network !== undefined && network.path !== '') plain.networkNamespacePath = network.path;
  return plain;
}
