/** What becomes known of a device whose cable is pulled, or that is gone: to the scheduler, to the kubelet, to the pod. */
import { setTimeout as pause } from 'node:timers/promises';
import { type KubeObject, type RunningPod, waitUntil } from '@patchbay/lab';
import { linkDelete, linkSet, RouteSocket } from '@patchbay/netlink';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { duration, reportFigures } from '../report-figures.ts';
import { TestNode } from '../test-node.ts';

interface Slice extends KubeObject {
  readonly spec: {
    readonly pool: { readonly name: string };
    readonly devices?: readonly {
      readonly name: string;
      readonly taints?: readonly { readonly key: string; readonly effect: string }[];
    }[];
  };
}

let node: TestNode;
const host = RouteSocket.open();
beforeAll(async () => {
  node = await TestNode.start({ cards: 3 });
});
afterAll(async () => {
  host.close();
  await node.stop();
});

/** Pulls a card's cable out, or plugs it in again. */
function cable(card: string, connected: boolean): void {
  const port = host.link({ name: `port-${card}` });
  host.execute(linkSet(port?.index ?? 0, { up: connected }));
}

async function sliceOf(card: string): Promise<Slice | undefined> {
  const { items } = await node.cluster.api.list<Slice>('/apis/resource.k8s.io/v1/resourceslices');
  return items.find(({ spec }) => spec.devices?.some(({ name }) => name === card));
}

async function taints(card: string): Promise<string[] | undefined> {
  const device = (await sliceOf(card))?.spec.devices?.find(({ name }) => name === card);
  return device && (device.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
}

async function tainted(card: string, wanted: readonly string[]): Promise<void> {
  await waitUntil(
    `the taints of ${card} to be ${wanted.join(' ')}`,
    async () => JSON.stringify(await taints(card)) === JSON.stringify(wanted),
    { timeoutMs: 5000, intervalMs: 5 },
  );
}

const health = (device: string) => ({ driver: 'patchbay.dev', pool: 'lab-node/hostdev', device });

/** Waits for an event that the driver has written about a pod. */
async function driverEvent({ pod }: RunningPod, reason: string): Promise<KubeObject> {
  return waitUntil(
    `event ${reason} of pod ${pod.metadata.name}`,
    async () => {
      const { items } = await node.cluster.api.list<
        KubeObject & { reason: string; regarding: { uid: string } }
      >('/apis/events.k8s.io/v1/namespaces/default/events');
      return items.find((event) => event.reason === reason && event.regarding.uid === pod.metadata.uid);
    },
    { timeoutMs: 5000 },
  );
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

describe('a free card whose cable is pulled', () => {
  it('keeps new pods away within 300 ms, and takes them again when it is plugged in', async (context) => {
    await tainted('nic2', []);
    cable('nic2', false);
    const pulled = await milliseconds(() => tainted('nic2', ['patchbay.dev/no-carrier:NoSchedule']));
    cable('nic2', true);
    const plugged = await milliseconds(() => tainted('nic2', []));
    reportFigures(context, {
      'stored slice after pulling': duration(pulled),
      'after plugging in': duration(plugged),
    });
    expect(Math.max(pulled, plugged)).toBeLessThan(300);
  });
});

describe('a card in a pod', () => {
  let pod: RunningPod;
  let card: string;
  beforeAll(async () => {
    pod = await node.cluster.runPod(
      await node.pod([
        { backend: 'hostdev', parameters: { interface: { name: 'fast0', addresses: ['10.20.2.1/24'] } } },
      ]),
    );
    card = await node.allocatedDevice(pod.pod);
    await node.cluster.kubelet.healthBecomes(health(card), 'healthy');
  });

  it('check 48: is unhealthy for the kubelet within 100 ms of its cable being pulled, healthy again as fast, and the pod is told', async (context) => {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      for (const connected of [false, true]) {
        cable(card, connected);
        times.push(
          await milliseconds(() =>
            node.cluster.kubelet.healthBecomes(health(card), connected ? 'healthy' : 'unhealthy'),
          ),
        );
      }
    }
    reportFigures(context, { 'kubelet knows after, at most': duration(Math.max(...times)) });
    expect(Math.max(...times)).toBeLessThan(100);
    expect(await driverEvent(pod, 'NetworkLinkDown')).toMatchObject({
      type: 'Warning',
      note: expect.stringMatching(
        /interface fast0 \(device lab-node\/hostdev\/nic\d of claim .*\) has no carrier; check cable/,
      ),
      reportingController: 'patchbay.dev',
    });
    await driverEvent(pod, 'NetworkLinkUp');
  });

  it('is tainted while it has no carrier, and otherwise published as it was when it was allocated', async () => {
    cable(card, false);
    await tainted(card, ['patchbay.dev/no-carrier:NoSchedule']);
    cable(card, true);
    await tainted(card, []);
  });

  it('is still followed by a driver that was killed and started again', async () => {
    await node.driver.kill();
    await node.driver.start();
    await node.cluster.kubelet.healthBecomes(health(card), 'healthy');
    cable(card, false);
    await node.cluster.kubelet.healthBecomes(health(card), 'unhealthy');
    cable(card, true);
    await node.cluster.kubelet.healthBecomes(health(card), 'healthy');
  });

  it('without carrier stays tainted when the driver starts again before the runtime does: nothing is written', async () => {
    const version = async () => (await sliceOf(card))?.metadata.resourceVersion;
    // The kubelet hears of the cable before the slice is written: what the test before this one made of it must not be taken for this.
    for (let [earlier, now] = ['', await version()]; earlier !== now;) {
      earlier = now ?? '';
      await pause(1000);
      now = await version();
    }
    cable(card, false);
    await tainted(card, ['patchbay.dev/no-carrier:NoSchedule']);
    await node.cluster.kubelet.healthBecomes(health(card), 'unhealthy');
    const before = await version();
    await node.driver.kill();
    await node.cluster.containerd.kill();
    try {
      await node.driver.start({ wait: false });
      await node.cluster.kubelet.healthBecomes(health(card), 'unhealthy');
      await pause(1000);
      expect(await version()).toBe(before);
    } finally {
      await node.cluster.containerd.restart();
      cable(card, true);
    }
    await tainted(card, []);
  });

  it('does not keep the pod from ending, and is on the host and untainted afterwards', async () => {
    await node.remove(pod);
    expect(node.host.state(card)).toMatchObject({ name: card });
    await tainted(card, []);
    expect(node.leftovers).toEqual([]);
  });

  it('that is unplugged is gone for the kubelet and the scheduler, and the pod is told', async () => {
    const other = await node.cluster.runPod(
      await node.pod([{ backend: 'hostdev', parameters: { interface: { name: 'fast0' } } }]),
    );
    const lost = await node.allocatedDevice(other.pod);
    await node.cluster.kubelet.healthBecomes(health(lost), 'healthy');
    // Its other end takes a veth with it, as a card that is pulled out of its slot goes.
    host.execute(linkDelete({ name: `port-${lost}` }));
    expect((await node.cluster.kubelet.healthBecomes(health(lost), 'unhealthy')).message).toBe(
      'its link is gone',
    );
    await tainted(lost, ['patchbay.dev/gone:NoSchedule']);
    expect(await driverEvent(other, 'NetworkLinkGone')).toMatchObject({ type: 'Warning' });
    await node.remove(other);
    await waitUntil('the device to be published no more', async () => (await taints(lost)) === undefined, {
      timeoutMs: 5000,
    });
    expect(node.leftovers).toEqual([]);
  });
});
