/** What the driver's memory does while pods come and go. `npm run bench` has the figures; this only keeps a leak from coming in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { NetworkNamespace } from '@patchbay/netlink';
import { FakeNriRuntime } from '@patchbay/nri/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { reportFigures } from '../report-figures.ts';
import { RuntimelessNode } from './runtimeless-node.ts';

/** Pods at a time: what waits for the kernel in deleting links overlaps. */
const workers = 8;
const roundsBefore = 100;
const rounds = 300;
/** What may come to be more in so many rounds, in bytes: code goes on being compiled for some time. */
const growth = 6 * 1024 * 1024;
/** In bytes, of all that is mapped: the target of the project is 80 MB after ten thousand. */
const most = 80e6;
/** Until what is not used is given back, in milliseconds. */
const restMs = 4_500;

let node: RuntimelessNode;
let runtime: FakeNriRuntime;
beforeAll(async () => {
  node = await RuntimelessNode.start({ cards: 1 });
  runtime = await FakeNriRuntime.start({ socketPath: join(node.directory, 'no-runtime.sock') });
  await runtime.synchronized();
}, 60_000);
afterAll(async () => {
  await node.stop();
  await runtime.stop();
});

/** Bytes of the driver's memory: of its own, and all. */
function memory(): { readonly anonymous: number; readonly resident: number } {
  const status = readFileSync(`/proc/${node.driver.pid}/status`, 'utf8');
  const bytes = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1024;
  return { anonymous: bytes('RssAnon'), resident: bytes('VmRSS') };
}

/** Has pods come and go, so many in all: from the claim's preparation to its end. */
async function comeAndGo(count: number, label: string): Promise<void> {
  let remaining = count;
  const work = async (worker: number) => {
    using pod = NetworkNamespace.create();
    while (remaining-- > 0) {
      const claim = await node.allocateDevice(`${label}-${worker}-${remaining}`, 'blue');
      expect(await node.prepare(claim)).toBe('');
      const sandbox = {
        ...{ id: `${label}-${worker}-${remaining}`, uid: claim.podUID, name: 'pod', namespace: 'default' },
        networkNamespacePath: `/proc/${process.pid}/fd/${pod.fd}`,
      };
      await runtime.runPodSandbox(sandbox);
      await runtime.stopPodSandbox(sandbox);
      expect(await node.unprepare(claim)).toBe('');
      await node.release(claim);
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  await pause(restMs);
}

it('hundreds of pods leave no trace in memory, which stays small', async (context) => {
  await comeAndGo(roundsBefore, 'before');
  const before = memory();
  await comeAndGo(rounds, 'more');
  const after = memory();
  const megabytes = (value: number) => `${(value / 1e6).toFixed(1)} MB`;
  reportFigures(context, {
    'own memory, before and after': `${megabytes(before.anonymous)}, ${megabytes(after.anonymous)}`,
    'all of it after': megabytes(after.resident),
  });
  expect(after.anonymous - before.anonymous).toBeLessThan(growth);
  expect(after.resident).toBeLessThan(most);
}, 180_000);
