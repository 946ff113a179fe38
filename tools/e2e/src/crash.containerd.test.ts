/**
 * The driver is killed in the middle of its work: the pod gets its link in the end, or the host has it back.
 */
import { resolve } from 'node:path';
import type { RunningPod } from '@patchbay/lab';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { TestNode, type Wish } from './test-node.ts';

const wishes: readonly Wish[] = [
  { backend: 'veth', parameters: { interface: { name: 'blue0', addresses: ['10.20.0.1/24'], mtu: 1400 } } },
  { backend: 'macvlan', parameters: { interface: { name: 'lan0', addresses: ['10.20.1.1/24'] } } },
  {
    backend: 'hostdev',
    parameters: {
      interface: {
        name: 'fast0',
        addresses: ['10.20.2.1/24'],
        mtu: 8000,
        hardwareAddress: '02:00:5e:00:53:01',
      },
    },
  },
];

const killAt = resolve(import.meta.dirname, 'kill-at.mjs');

let node: TestNode;
let linksBefore: readonly string[];
let cardsBefore: readonly unknown[];
const cards = () => ['nic0', 'nic1'].map((name) => node.host.state(name));

beforeAll(async () => {
  node = await TestNode.start({ kubeletTimes: { longestRetryMs: 200 } });
});
afterAll(() => node.stop());
beforeEach(() => {
  linksBefore = node.host.linkNames();
  cardsBefore = cards();
});
afterEach(() => {
  expect(node.host.linkNames()).toEqual(linksBefore);
  expect(cards()).toEqual(cardsBefore);
  expect(node.leftovers).toEqual([]);
  expect(node.cluster.kubelet.violations).toEqual([]);
});

async function expectNetwork(pod: RunningPod): Promise<void> {
  const addresses = await node.cluster.exec(pod, ['ip', 'addr']);
  for (const expected of [
    'blue0',
    '10.20.0.1/24',
    'mtu 1400',
    'lan0',
    '10.20.1.1/24',
    'fast0',
    '10.20.2.1/24',
    'mtu 8000',
  ]) {
    expect(addresses).toContain(expected);
  }
}

/** What a runtime does about a plugin that dies does not depend on the call after which it dies: each is for one of the two. */
const runtimes = ['2', '1.7'] as const;

interface Attempt {
  readonly running: Promise<RunningPod>;
  /** The pod's removal, where that is what is interrupted. */
  readonly removal?: Promise<void>;
}

/**
 * Runs a pod again and again, with the driver killed right after one of its calls to the kernel in a phase, by turns each of them, until it
 * survives the phase.
 *
 * @returns how many calls it makes, or a few more
 */
async function killAfterEachCall(
  phase: 'attaching' | 'detaching',
  attempt: () => Promise<Attempt>,
): Promise<number> {
  const first = runtimes.indexOf(node.cluster.containerd.tools.series);
  for (let calls = first; ; calls += runtimes.length) {
    await node.driver.stop();
    await node.driver.start({
      environment: { NODE_OPTIONS: `--import ${killAt}`, PATCHBAY_KILL_AT: `${phase}:${calls}:after` },
    });
    const { running, removal } = await attempt();
    const survived = await Promise.race([
      node.driver.ended().then(() => false),
      (removal ?? running).then(() => true),
    ]);
    // It goes on counting otherwise, and is killed by what comes later.
    if (survived) await node.driver.stop();
    await node.driver.start();
    const pod = await running;
    if (removal === undefined) await expectNetwork(pod);
    await removal;
    await node.remove(pod);
    expect(node.host.linkNames()).toEqual(linksBefore);
    expect(cards()).toEqual(cardsBefore);
    if (survived) return calls;
  }
}

describe('the driver is killed', () => {
  it('between prepare and the sandbox: the pod has its links once the driver is back', async () => {
    const template = await node.pod(wishes);
    const pod = await node.cluster.createPod(template);
    node.cluster.containerd.pause();
    const running = node.cluster.kubelet.runPod(pod);
    await node.prepared(wishes.length);
    await node.driver.kill();
    node.cluster.containerd.resume();
    await node.cluster.event(pod, 'is-not-attached-yet');
    await node.driver.start();
    const result = await running;
    await expectNetwork(result);
    await node.remove(result);
  });

  it('in the hook, after any of its calls to the kernel: the containers wait, and have their links once it is back', async () => {
    const calls = await killAfterEachCall('attaching', async () => {
      const pod = await node.cluster.createPod(await node.pod(wishes));
      return { running: node.cluster.kubelet.runPod(pod) };
    });
    // At least creating and configuring each of the three links.
    expect(calls).toBeGreaterThan(5);
  }, 200_000);

  it('while it brings the links back, after any of its calls to the kernel: the host has them once it is back', async () => {
    const calls = await killAfterEachCall('detaching', async () => {
      const running = await node.cluster.runPod(await node.pod(wishes));
      const removal = node.cluster.kubelet.deletePod(running.pod.metadata.uid);
      return { running: Promise.resolve(running), removal };
    });
    expect(calls).toBeGreaterThan(5);
  }, 200_000);

  it('while the pod runs: the restarted driver leaves the links alone and brings them back at the end', async () => {
    const running = await node.cluster.runPod(await node.pod(wishes));
    await node.driver.kill();
    await expectNetwork(running);
    await node.driver.start();
    await expectNetwork(running);
    await node.remove(running);
  });

  it('while the pod runs, and the pod goes without it: the host has its links back once the driver is back', async () => {
    const running = await node.cluster.runPod(await node.pod(wishes));
    await node.driver.kill();
    const removal = node.remove(running);
    await node.cluster.event(running.pod, 'FailedUnprepareDynamicResources');
    await node.driver.start();
    await removal;
  });
});
