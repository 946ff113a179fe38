import { pause } from '@patchbay/lab';
import { NetworkNamespace } from '@patchbay/netlink';
import { makeFigure } from '../figures/make-figure.ts';
import { benchBackends } from '../links/bench-backends.ts';
import { BenchHost } from '../links/bench-host.ts';
import { BenchNode } from '../node/bench-node.ts';
import type { Benchmark } from '../run/benchmark.ts';
import { memoryDetails, processMemory } from '../processes/process-memory.ts';

const name = 'rss.after10kHooks';
const hooks = 10_000;
/** So many pods come and go at a time. */
const workers = 4;
/** After the last hook, before memory is read: nothing is under way any more. In milliseconds. */
const restMs = 5_000;
const cards = 2;
/** The stand-ins' records would fill this process's memory. */
const forgetEvery = 500;

/** The driver's memory after ten thousand pods with a link have come and gone. */
export const hooksMemory: Benchmark = {
  names: [name],

  async *run() {
    const host = BenchHost.here('driver', cards);
    const node = await BenchNode.make();
    try {
      await node.start();
      const before = processMemory(node.driver.pid ?? 0);
      let remaining = hooks;
      const work = async (worker: number) => {
        using pod = NetworkNamespace.create();
        while (remaining-- > 0) {
          await onePod(node, worker, pod.path);
          if (remaining % forgetEvery === 0) forget(node);
        }
      };
      await Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
      await pause(restMs);
      const memory = processMemory(node.driver.pid ?? 0);
      yield makeFigure({
        ...{ name, unit: 'MB', samples: [memory.resident] },
        details: {
          ...memoryDetails(memory),
          'once its devices were published': `${before.resident.toFixed(1)} MB`,
          hooks: `${hooks} RunPodSandbox with a veth, ${workers} at a time, each with prepare, stop and unprepare`,
        },
      });
    } finally {
      await node.stop();
      await host.remove();
    }
  },
};

let pods = 0;

async function onePod(node: BenchNode, worker: number, networkNamespacePath: string): Promise<void> {
  const links = (benchBackends.find(({ kind }) => kind === 'veth')?.plan(1) ?? []).map((link) => ({
    ...link,
    address: `10.77.0.${worker + 1}/24`,
    hardwareAddress: `02:00:5e:02:00:${worker.toString(16).padStart(2, '0')}`,
  }));
  const claim = node.claims.make(links);
  await node.prepare(claim);
  const pod = {
    id: `sandbox-${pods++}`,
    name: `pod-of-${claim.reference.name}`,
    uid: claim.podUID,
    namespace: 'default',
    networkNamespacePath,
  };
  await node.runtime.runPodSandbox(pod);
  await node.runtime.stopPodSandbox(pod);
  await node.runtime.removePodSandbox(pod);
  await node.unprepare(claim);
  node.claims.remove(claim);
}

/** Watches stay: only what nobody reads again is forgotten. */
function forget({ server }: BenchNode): void {
  server.requests.length = 0;
  server.store.compact(server.store.revision - forgetEvery);
  for (const key of server.store.keys()) if (key.resource === 'events') server.store.delete(key);
}
