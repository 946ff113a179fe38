/** A DaemonSet's rolling update: the new instance starts before the old one ends, and no claim notices. */
import { readdirSync } from 'node:fs';
import { DriverProcess, type KubeObject, type RunningPod, waitUntil } from '@patchbay/lab';
import { afterEach, describe, expect, it } from 'vitest';
import { backends, TestNode, type Wish } from '../test-node.ts';

const wishes = (host: number): Wish[] => [
  { backend: 'veth', parameters: { interface: { name: 'blue0', addresses: [`10.20.0.${host}/24`] } } },
  { backend: 'hostdev', parameters: { interface: { name: 'fast0', addresses: [`10.20.2.${host}/24`] } } },
];

let node: TestNode | undefined;
const others: DriverProcess[] = [];
afterEach(async () => {
  for (const driver of others.splice(0)) await driver.stop();
  await node?.stop();
  node = undefined;
});

function nextInstance(podUID: string): DriverProcess {
  const driver = new DriverProcess(node!.cluster, backends, {}, podUID);
  others.push(driver);
  return driver;
}

const sockets = () => readdirSync(node!.cluster.registryDirectory).sort();
const slices = async () => {
  const { items } = await node!.cluster.api.list<KubeObject>('/apis/resource.k8s.io/v1/resourceslices');
  return items.map(({ metadata, ...rest }) => ({
    uid: metadata.uid,
    version: metadata.resourceVersion,
    rest,
  }));
};
const start = async (host: number): Promise<RunningPod> =>
  node!.cluster.runPod(await node!.pod(wishes(host)));
const addresses = (pod: RunningPod) => node!.cluster.exec(pod, ['ip', '-o', 'addr']);

describe('a kubelet that knows several instances', () => {
  it('check 8: has both serve; what one prepared or attached the other takes back, and nothing is published anew', async () => {
    node = await TestNode.start({ cards: 4, podUID: 'pod-a' });
    const links = node.host.linkNames();
    await waitUntil('three pools', async () => (await slices()).length === 3, { timeoutMs: 5000 });
    const before = await start(1);
    const published = await slices();

    const second = nextInstance('pod-b');
    await second.start();
    expect(sockets()).toEqual(['patchbay.dev-pod-a-reg.sock', 'patchbay.dev-pod-b-reg.sock']);
    await waitUntil('two instances to be registered', () => node!.cluster.kubelet.plugins.length === 2, {
      timeoutMs: 5000,
    });
    const during = await start(2);
    expect(await addresses(during)).toContain('10.20.2.2/24');
    await node.remove(before);

    expect(await node.driver.stop()).toBe(0);
    expect(sockets()).toEqual(['patchbay.dev-pod-b-reg.sock']);
    await waitUntil('one instance to be registered', () => node!.cluster.kubelet.plugins.length === 1, {
      timeoutMs: 5000,
    });
    const after = await start(3);
    expect(await addresses(after)).toContain('10.20.0.3/24');
    expect(await addresses(during)).toContain('10.20.0.2/24');
    expect(await slices()).toEqual(published);

    await node.remove(during);
    await node.remove(after);
    expect(node.host.linkNames()).toEqual(links);
    expect(node.leftovers).toEqual([]);
    expect(node.cluster.kubelet.violations).toEqual([]);
  });

  it('the new instance publishes once the old one has ended, even if that was killed', async () => {
    node = await TestNode.start({ cards: 1, podUID: 'pod-a' });
    await waitUntil('three pools', async () => (await slices()).length === 3, { timeoutMs: 5000 });
    const second = nextInstance('pod-b');
    await second.start();
    await node.driver.kill();
    const putBack = node.host.unplug('nic0');
    const hostdev = async () =>
      (await slices()).map(({ rest }) => JSON.stringify(rest)).some((text) => text.includes('"nic0"'));
    await waitUntil('the slice without nic0', async () => !(await hostdev()), { timeoutMs: 5000 });
    putBack();
    await waitUntil('the slice with nic0', hostdev, { timeoutMs: 5000 });
  });

  it('pods that start while instances come and go all get their links', async () => {
    node = await TestNode.start({ cards: 12, podUID: 'pod-0' });
    let current = node.driver;
    let running = true;
    let updates = 0;
    const updating = (async () => {
      while (running) {
        const next = nextInstance(`pod-${++updates}`);
        await next.start();
        await current.stop();
        current = next;
      }
    })();
    for (let round = 0; round < 4; round++) {
      const pods = await Promise.all([0, 1, 2].map((each) => start(10 * round + each + 1)));
      for (const pod of pods) expect(await addresses(pod)).toMatch(/10\.20\.0\..*10\.20\.2\./s);
      await Promise.all(pods.map((pod) => node!.remove(pod)));
    }
    running = false;
    await updating;
    expect(updates).toBeGreaterThanOrEqual(2);
    expect(node.leftovers).toEqual([]);
    expect(node.cluster.kubelet.violations).toEqual([]);
  });
});

describe('a kubelet of 1.32', () => {
  it('is recognised and served under the plain names, which the next instance takes over', async () => {
    node = await TestNode.start({ cards: 2, podUID: 'pod-a', kubeletVersion: '1.32' });
    expect(node.driver.log).toContain('knows one instance of a driver at a time');
    expect(sockets()).toEqual(['patchbay.dev-reg.sock']);
    const pod = await start(1);
    const second = nextInstance('pod-b');
    await second.start();
    expect(await node.driver.stop()).toBe(0);
    expect(sockets()).toEqual(['patchbay.dev-reg.sock']);
    await node.cluster.kubelet.pluginRegistered('patchbay.dev');
    await node.remove(pod);
    const next = await start(2);
    expect(await addresses(next)).toContain('10.20.2.2/24');
    await node.remove(next);
    expect(node.leftovers).toEqual([]);
  });
});
