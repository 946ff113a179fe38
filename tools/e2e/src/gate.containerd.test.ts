/** Containers do not run without their links, whenever the driver is missing; what they wait for comes when it is back. */
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { PodTemplate, RunningPod } from '@patchbay/lab';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TestNode, type Wish } from './test-node.ts';

/** NRI's deadline for a hook, in milliseconds: half of the usual one, so that being late takes half as long. */
const requestTimeoutMs = 1_000;
const killAt = resolve(import.meta.dirname, 'kill-at.mjs');

let node: TestNode;
let links: readonly string[];
beforeAll(async () => {
  node = await TestNode.start({
    containerd: { requestTimeoutMs },
    kubeletTimes: { longestRetryMs: 200 },
    cards: 1,
  });
  links = node.host.linkNames();
}, 60_000);
afterAll(() => node.stop());
afterEach(() => {
  expect(node.host.linkNames()).toEqual(links);
  expect(node.leftovers).toEqual([]);
  expect(node.cluster.kubelet.violations).toEqual([]);
});

const blue: Wish = { backend: 'veth', parameters: { interface: { name: 'blue0' } } };
const inPod = (pod: RunningPod) => node.cluster.exec(pod, ['ip', '-o', 'link']);

/** A pod on the claim of another one. */
function podOn(name: string, { spec }: PodTemplate): PodTemplate {
  return { metadata: { name }, spec };
}

it('a pod that joins a claim while no driver runs has its link once the driver is back, and the pods that have theirs go on', async () => {
  const template = await node.pod([blue]);
  const first = await node.cluster.runPod(template);
  await node.driver.kill();
  const joining = await node.cluster.createPod(podOn('joins', template));
  const joined = node.cluster.kubelet.runPod(joining);
  const { message } = await node.cluster.event(joining, 'this-pod-has-no-interface-blue0-of-claim-default-');
  expect(message).toContain('no such file or directory');
  // Its own containers may be made anew meanwhile: it has its link.
  const container = first.containers['main'] ?? '';
  await node.cluster.containerd.cri.stopContainer(container);
  await node.cluster.containerd.cri.removeContainer(container);
  const anew = await node.cluster.kubelet.runPod(first.pod);
  expect(await inPod(anew)).toContain('blue0@');
  await node.driver.start();
  const second = await joined;
  expect(await inPod(second)).toContain('blue0@');
  await node.cluster.deletePod(second.pod);
  await node.remove(anew);
});

it('a sandbox that is made anew while no driver runs has the link once the driver is back', async () => {
  const first = await node.cluster.runPod(await node.pod([blue, { backend: 'hostdev' }]));
  await node.driver.kill();
  await node.cluster.containerd.cri.stopPodSandbox(first.podSandboxId);
  const again = node.cluster.kubelet.runPod(first.pod);
  await node.cluster.event(first.pod, 'this-pod-has-no-interface-');
  await node.driver.start();
  const second = await again;
  expect(second.podSandboxId).not.toBe(first.podSandboxId);
  expect(await inPod(second)).toMatch(/blue0@[^]*hostdev0/);
  await node.remove(second);
});

it('a driver that is later than the runtime waits completes its work, and the containers wait for that', async () => {
  await node.driver.stop();
  await node.driver.start({
    environment: {
      NODE_OPTIONS: `--import ${killAt}`,
      PATCHBAY_KILL_AT: 'attaching:0:before',
      PATCHBAY_SIGNAL: 'SIGSTOP',
    },
  });
  const pod = await node.cluster.createPod(await node.pod([blue]));
  const running = node.cluster.kubelet.runPod(pod);
  // The runtime has gone on without the driver, which has not touched the pod yet.
  await node.cluster.event(pod, 'network-of-claim-default-');
  await pause(requestTimeoutMs / 2);
  process.kill(node.driver.pid ?? 0, 'SIGCONT');
  const result = await running;
  expect(await inPod(result)).toContain('blue0@');
  expect(result.attempts.sandbox).toBe(1);
  expect(result.attempts.containers).toBeGreaterThan(1);
  await node.driver.ready();
  await node.remove(result);
});
