/** Journal, kernel and runtime are brought together: by the driver itself, and by its commands beside it or without it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningPod, waitUntil } from '@patchbay/lab';
import { linkDelete, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { TestNode, type Wish } from './test-node.ts';

let node: TestNode;
let links: readonly string[];
let card: unknown;
beforeAll(async () => {
  node = await TestNode.start({ cards: 1, configuration: { repair: { intervalSeconds: 1 } } });
  links = node.host.linkNames();
  card = node.host.state('nic0');
}, 60_000);
afterAll(() => node.stop());
afterEach(() => {
  expect(node.host.linkNames()).toEqual(links);
  expect(node.host.state('nic0')).toEqual(card);
  expect(node.leftovers).toEqual([]);
});

const wishes: readonly Wish[] = [
  { backend: 'veth', parameters: { interface: { name: 'blue0', addresses: ['10.20.0.1/24'] } } },
  { backend: 'macvlan', parameters: { interface: { name: 'lan0', addresses: ['10.20.1.1/24'] } } },
  { backend: 'hostdev', parameters: { interface: { name: 'fast0', addresses: ['10.20.2.1/24'] } } },
];
const addresses = (pod: RunningPod) => node.cluster.exec(pod, ['ip', '-o', 'addr']);

/** Has a pod lose a link, as its own program might. */
function lose(pod: RunningPod, name: string): void {
  using namespace = NetworkNamespace.open(pod.networkNamespacePath ?? '');
  using socket = RouteSocket.open({ namespace });
  socket.execute(linkDelete({ name }));
}

it('a running pod that has lost links gets those again that can be made, within a turn of the timer', async () => {
  const pod = await node.cluster.runPod(await node.pod(wishes));
  for (const name of ['blue0', 'lan0']) lose(pod, name);
  await waitUntil(
    'the links to be brought again',
    async () =>
      /patchbay_repairs_total\{action="restore",occasion="timer",result="ok"\} 2/.test(
        await node.driver.metrics(),
      ),
    { timeoutMs: 20_000 },
  );
  const now = await addresses(pod);
  for (const address of ['10.20.0.1/24', '10.20.1.1/24', '10.20.2.1/24']) expect(now).toContain(address);
  expect(await node.driver.command('repair', '--dry-run')).toBe('There is nothing to repair.\n');
  await node.remove(pod);
});

it('without a driver the commands say what is where and what is wrong, what would be done, and do it', async () => {
  const pod = await node.cluster.runPod(await node.pod(wishes));
  const listed = async () =>
    (JSON.parse(await node.driver.command('attachments', '--output', 'json')) as { attachments: object[] })
      .attachments;
  expect(await listed()).toMatchObject(
    ['blue0', 'lan0', 'fast0'].map((interfaceName) => ({
      ...{ interfaceName, phase: 'attached', gate: 'open', problems: [] },
      pod: { uid: pod.pod.metadata.uid },
    })),
  );
  await node.driver.kill();
  lose(pod, 'blue0');
  mkdirSync(join(node.driver.stateDirectory, 'gates/network-of-claim-x'));
  writeFileSync(join(node.driver.stateDirectory, 'claims/x.json.tmp'), '{"vers');
  const problem =
    /bring blue0 of claim default\/pod-\d+-0 to pod default\/pod-\d+ again: the pod has lost it/;
  expect((await listed())[0]).toMatchObject({ problems: [expect.stringMatching(problem)] });
  expect(await node.driver.command('attachments')).toMatch(
    /veth\/blue[^]*attached[^]*left of earlier runs: remove gate/,
  );
  const plan = await node.driver.command('repair', '--dry-run');
  expect(plan).toMatch(problem);
  expect(plan.split('\n').filter((line) => line.startsWith('would '))).toHaveLength(3);
  expect(await addresses(pod)).not.toContain('10.20.0.1');
  const done = await node.driver.command('repair');
  expect(done.split('\n').filter((line) => line.startsWith('done: '))).toHaveLength(3);
  expect(await addresses(pod)).toContain('10.20.0.1/24');
  expect(await node.driver.command('repair')).toBe('There was nothing to repair.\n');
  await node.driver.start();
  await node.remove(pod);
});

it('links of a pod that has gone while no driver ran come back by the command', async () => {
  const pod = await node.cluster.runPod(await node.pod(wishes));
  await node.driver.kill();
  await node.cluster.containerd.cri.stopPodSandbox(pod.podSandboxId);
  const plan = await node.driver.command('repair', '--dry-run');
  expect(
    plan.match(/bring claim default\/pod-\d+-\d back from pod [^:]*: the pod's network namespace is gone/g),
  ).toHaveLength(3);
  await node.driver.command('repair');
  expect(node.host.state('nic0')).toEqual(card);
  expect(await node.driver.command('attachments')).toMatch(/prepared/);
  await node.driver.start();
  await node.remove(pod);
});
