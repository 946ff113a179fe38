import type { Container } from './container.ts';
import type { Int64 } from './linux-resources.ts';
import type { PlainMessage } from './plain-decoder.ts';
import { plainDecoder } from './plain-decoder.ts';
import { nriType } from './wire-schema.ts';

const absent = plainDecoder(nriType('Container'))(new Uint8Array());

/** Made of the plain NRI message; all fields are empty when it is absent. */
export function containerFrom(message: PlainMessage = absent): Container {
  const { pid, createdAt, startedAt, finishedAt, cdiDevices, ...plain } = message;
  return {
    ...plain,
    ...(pid === 0 ? {} : { pid }),
    ...timestamp('createdAt', createdAt as Int64),
    ...timestamp('startedAt', startedAt as Int64),
    ...timestamp('finishedAt', finishedAt as Int64),
    cdiDevices: (cdiDevices as readonly { name: string }[]).map((device) => device.name),
  } as unknown as Container;
}

/** The wire has ns, and 0 for unknown. */
function timestamp(name: string, nanoseconds: Int64): Record<string, number> {
  if (nanoseconds === 0) return {};
  return { [name]: Number(BigInt(nanoseconds) / 1000n) / 1000 };
}
