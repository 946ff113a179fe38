import type { Container } from './container.ts';
import type { Int64 } from './linux-resources.ts';
import { plainReader } from './plain-reader.ts';
import type { WireObject } from './plain-reader.ts';
import { nriType } from './wire-schema.ts';

const read = plainReader(nriType('Container'));
const absent = nriType('Container').create() as unknown as WireObject;

/** From the decoded NRI message; all fields are empty when it is absent. */
export function containerFrom(message: WireObject | null | undefined): Container {
  const { pid, createdAt, startedAt, finishedAt, cdiDevices, ...plain } = read(message ?? absent) as Record<
    string,
    unknown
  >;
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
