/** How live the devices of the whole driver are: how soon a change of the host shows, and what very many changes cost. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { waitUntil } from '@patchbay/lab';
import { linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RuntimelessNode } from '../dra/runtimeless-node.ts';
import { duration, reportFigures } from '../report-figures.ts';
import { flood, floodLinks } from './start-flood.ts';

const cards = 16;
const names = Array.from({ length: cards }, (_, number) => `nic${number}`);

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

/** When slices were written since the API server's record was last emptied, in milliseconds since the epoch. */
function sliceWrites(): number[] {
  return node.server.requests
    .filter(({ method, path }) => method !== 'GET' && path.includes('/resourceslices'))
    .map(({ at }) => at);
}

/** Processor time of all of the driver's threads until now, in milliseconds (`/proc/PID/task/TID/schedstat`, nanoseconds). */
function driverTimeMs(): number {
  const tasks = `/proc/${node.driver.pid}/task`;
  const ofThreads = readdirSync(tasks).map((id) =>
    Number(readFileSync(join(tasks, id, 'schedstat'), 'utf8').split(' ')[0]),
  );
  return ofThreads.reduce((sum, ns) => sum + ns, 0) / 1e6;
}

describe('ten thousand changes within a second', () => {
  // Time of a processor is not the same beside others that use its caches.
  it(
    'of the host cost the driver less than 300 ms of a processor and lose nothing',
    { retry: 2 },
    async (context) => {
      node.server.requests.length = 0;
      const before = driverTimeMs();
      const last = await floodLinks(names);
      await waitUntil(
        'the slices to say what the kernel says',
        async () => isDeepStrictEqual(await publishedAliases(), last),
        { timeoutMs: 5_000 },
      );
      const cost = driverTimeMs() - before;
      reportFigures(context, {
        'processor time': duration(cost),
        'writes of slices': String(sliceWrites().length),
      });
      expect(cost).toBeLessThan(flood.budgetMs);
      // Some ten on an idle machine; on a busy one the flood has pauses, after each of which a write follows soon.
      expect(sliceWrites().length).toBeLessThan(25);
    },
  );

  it("in a pod's namespace cost it less than that, and no write", async (context) => {
    using pod = NetworkNamespace.create();
    using inside = RouteSocket.open({ namespace: pod });
    const { index, parent = 0 } = inside.createLink({ name: 'net1', kind: { kind: 'veth' }, up: true });
    inside.execute(linkSet(parent, { up: true }));
    host.assignNamespaceId(pod);
    await sleep(200);
    node.server.requests.length = 0;
    const before = driverTimeMs();
    const last = await floodLinks(['net1'], pod);
    await sleep(100);
    const cost = driverTimeMs() - before;
    expect(inside.link({ index })?.alias).toBe(last['net1']);
    reportFigures(context, { 'processor time': duration(cost) });
    expect(cost).toBeLessThan(flood.budgetMs);
    expect(sliceWrites()).toEqual([]);
  });
});

describe('a change of the host', () => {
  // Another process may have the processor just then.
  it('is on its way to the API server within 50 ms', { retry: 2 }, async (context) => {
    const card = host.link({ name: 'nic0' })?.index ?? 0;
    const latencies: number[] = [];
    for (let round = 0; round < 15; round++) {
      await sleep(100);
      node.server.requests.length = 0;
      const changed = performance.timeOrigin + performance.now();
      host.execute(linkSet(card, { mtu: 4000 + round }));
      const written = await waitUntil('a write of a slice', () => sliceWrites()[0], {
        timeoutMs: 5_000,
        intervalMs: 5,
      });
      latencies.push(written - changed);
    }
    latencies.sort((a, b) => a - b);
    const [median = NaN, worst = NaN] = [latencies[latencies.length >> 1], latencies.at(-1)];
    reportFigures(context, { median: duration(median), worst: duration(worst) });
    expect(median).toBeLessThan(50);
  });
});
