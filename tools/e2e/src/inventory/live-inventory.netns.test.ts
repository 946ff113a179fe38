/** How live the devices of the whole driver are: how soon a change of the host shows, and what very many changes cost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { waitUntil } from '@patchbay/lab';
import { type NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RuntimelessNode } from '../dra/runtimeless-node.ts';
import { duration, reportFigures } from '../report-figures.ts';

const cards = 16;
const names = Array.from({ length: cards }, (_, number) => `nic${number}`);
/** How many changes there are within one second, and how much of a processor's time the driver may take for them, in milliseconds. */
const flood = { changes: 10_000, budgetMs: 300 } as const;

let node: RuntimelessNode;
let host: RouteSocket;
beforeAll(async () => {
  node = await RuntimelessNode.start({ cards });
  host = RouteSocket.open();
}, 60_000);
afterAll(async () => {
  host.close();
  await node.stop();
});

/** What the slices say is the alias of each card. */
async function publishedAliases(): Promise<Record<string, string>> {
  const slices = await node.slices();
  return Object.fromEntries(
    slices
      .flatMap(({ spec: { devices = [] } }) => devices)
      .flatMap(({ name, attributes }) => {
        const alias = attributes?.['patchbay.dev/alias']?.string;
        return alias !== undefined && names.includes(name) ? [[name, alias]] : [];
      }),
  );
}

/** How many writes of slices the API server has seen since its record was last emptied. */
function sliceWrites(): number {
  return node.server.requests.filter(
    ({ method, path }) => method !== 'GET' && path.includes('/resourceslices'),
  ).length;
}

/** Processor time of all of the driver's threads until now, in milliseconds (`/proc/PID/task/TID/schedstat`, nanoseconds). */
function driverTimeMs(): number {
  const tasks = `/proc/${node.driver.pid}/task`;
  const ofThreads = readdirSync(tasks).map((id) =>
    Number(readFileSync(join(tasks, id, 'schedstat'), 'utf8').split(' ')[0]),
  );
  return ofThreads.reduce((sum, ns) => sum + ns, 0) / 1e6;
}

/** Changes links of a namespace so many times within a second, from another process; returns the aliases that they have in the end. */
async function changeLinks(
  linkNames: readonly string[],
  changes: number,
  namespace?: NetworkNamespace,
): Promise<Record<string, string>> {
  const program = join(import.meta.dirname, 'flood-links.ts');
  const start = () =>
    spawn(process.execPath, ['--conditions=@patchbay/source', program, String(changes), '1', ...linkNames], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
  const child = namespace === undefined ? start() : namespace.run(start);
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  await once(child, 'close');
  return JSON.parse(output) as Record<string, string>;
}

describe('ten thousand changes within a second', () => {
  it('of the host cost the driver less than 300 ms of a processor and lose nothing', async (context) => {
    node.server.requests.length = 0;
    const before = driverTimeMs();
    const last = await changeLinks(names, flood.changes);
    await waitUntil(
      'the slices to say what the kernel says',
      async () => isDeepStrictEqual(await publishedAliases(), last),
      { timeoutMs: 5_000 },
    );
    const cost = driverTimeMs() - before;
    reportFigures(context, {
      'processor time': duration(cost),
      'writes of slices': String(sliceWrites()),
    });
    expect(cost).toBeLessThan(flood.budgetMs);
  });
});
