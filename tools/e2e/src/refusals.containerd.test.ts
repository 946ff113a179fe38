/** Wrong things are refused in words that a user reads on the pod, and leave nothing behind. */
import type { PodTemplate } from '@patchbay/lab';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { TestNode } from './test-node.ts';

let node: TestNode;
let links: readonly string[];
beforeAll(async () => {
  node = await TestNode.start({ cards: 3 });
  links = node.host.linkNames();
});
afterAll(() => node.stop());
afterEach(() => {
  expect(node.host.linkNames()).toEqual(links);
  expect(node.leftovers).toEqual([]);
});

/** Runs a pod that cannot start, waits until the user is told why, and deletes it. */
async function refusal(
  template: PodTemplate,
  words: string,
  whileRefused: () => Promise<void> = async () => {},
): Promise<string> {
  const pod = await node.cluster.createPod(template);
  const running = node.cluster.kubelet.runPod(pod).catch(() => undefined);
  const event = await node.cluster.event(pod, words);
  await whileRefused();
  await node.remove({ pod });
  await running;
  return `${event.reason}: ${event.message}`;
}

describe('parameters of a claim', () => {
  it.each([
    ['an unknown field', { interface: { adresses: ['10.0.0.1/24'] } }, 'interface.adresses: unknown field'],
    [
      'a bad prefix length',
      { interface: { addresses: ['10.0.0.1/33'] } },
      "interface.addresses[0]: '10.0.0.1/33' is no address",
    ],
    [
      'a name of 16 characters',
      { interface: { name: 'a123456789012345' } },
      'has 16 characters; an interface name has at most 15',
    ],
    [
      'an MTU above the parent',
      { interface: { mtu: 9001 } },
      '9001 is more than that of parent uplink0 (9000)',
    ],
    [
      'a route without a way',
      { routes: [{ destination: '0.0.0.0/0', gateway: '10.1.1.1' }] },
      'routes[0].gateway',
    ],
    ['a feature by a wrong name', { interface: { ethtool: { features: { gro: false } } } }, 'rx-gro'],
    [
      'a private flag of a link that has none',
      { interface: { ethtool: { privateFlags: { 'legacy-rx': true } } } },
      'interface.ethtool.privateFlags.legacy-rx: is no private flag of a macvlan link',
    ],
    ["another kind's section", { macvlan: { mode: 'bridgy' } }, 'macvlan.mode'],
  ])('%s is refused before the sandbox is made', async (_what, parameters, words) => {
    const message = await refusal(await node.pod([{ backend: 'macvlan', parameters }]), words);
    expect(message).toMatch(/^FailedPrepareDynamicResources: /);
  });

  it('all mistakes are told at once', async () => {
    const parameters = { interface: { name: 'a/b', mtu: 1 }, routes: [{ destination: 'everywhere' }] };
    const message = await refusal(await node.pod([{ backend: 'veth', parameters }]), 'interface.name');
    for (const path of ['interface.name', 'interface.mtu', 'routes[0].destination'])
      expect(message).toContain(path);
  });

  it('a name that the CNI plugin has taken is refused by name', async () => {
    for (const backend of ['veth', 'macvlan', 'hostdev'] as const) {
      const template = await node.pod([{ backend, parameters: { interface: { name: 'eth0' } } }]);
      const message = await refusal(template, "interface 'eth0' exists there already");
      expect(message).toMatch(/^FailedCreatePodSandBox: /);
      expect(message).toContain('choose another interface.name');
    }
  });

  it("a route that the CNI plugin has set is refused by both's names", async () => {
    const parameters = {
      interface: { name: 'blue0', addresses: ['10.20.0.1/24'] },
      // The network of the pods, to which CNI has given eth0 a route.
      routes: [{ destination: '10.213.7.0/24', gateway: '10.20.0.254' }],
    };
    const message = await refusal(
      await node.pod([{ backend: 'veth', parameters }]),
      '10.213.7.0/24 via 10.20.0.254',
      async () => {
        // On the node it is told as well, between two attempts.
        await vi.waitFor(async () => {
          const listed = await node.driver.command('attachments', '--output', 'json');
          expect(listed).toMatch(
            /"attaching to pod default\/[^"]* failed at [^"]*10\.213\.7\.0\/24 via 10\.20\.0\.254/,
          );
        }, 5_000);
      },
    );
    expect(message).toContain("and the pod has 10.213.7.0/24 via 10.213.7.1 on interface 'eth0'");
  });

  it('a second default route is refused, unless it is asked to go before the first', async () => {
    const wish = (backend: 'veth' | 'macvlan', network: string, more: object = {}) => ({
      backend,
      parameters: {
        interface: { name: `${backend}0`, addresses: [`${network}.1/24`] },
        routes: [{ destination: '0.0.0.0/0', gateway: `${network}.254`, ...more }],
      },
    });
    const template = await node.pod([wish('veth', '10.20.0'), wish('macvlan', '10.21.0')]);
    const message = await refusal(template, 'and the pod has 0.0.0.0/0 via 10.2');
    expect(message).toMatch(
      /route 0\.0\.0\.0\/0 via 10\.2.\.0\.254 is wanted, .* on interface '(veth|macvlan)0'/,
    );
    expect(message).toContain('set override: true');
    const pod = await node.cluster.runPod(
      await node.pod([wish('veth', '10.20.0'), wish('macvlan', '10.21.0', { override: true })]),
    );
    const routes = await node.cluster.exec(pod, ['ip', 'route']);
    expect(routes).toMatch(/default via 10\.21\.0\.254 dev macvlan0 *\n/);
    expect(routes).toMatch(/default via 10\.20\.0\.254 dev veth0 *metric 1/);
    await node.remove(pod);
  });

  it('two claims of one pod that want the same name are refused', async () => {
    const parameters = { interface: { name: 'net1' } };
    const template = await node.pod([
      { backend: 'veth', parameters },
      { backend: 'macvlan', parameters },
    ]);
    await refusal(template, "interface name 'net1' of request 'net' is taken by claim default/");
  });
});

it('a device that vanished since it was allocated is named', async () => {
  const template = await node.pod([{ backend: 'hostdev' }]);
  const pod = await node.cluster.createPod(template);
  const card = await node.allocatedDevice(pod);
  const plugBack = node.host.unplug(card);
  const running = node.cluster.kubelet.runPod(pod).catch(() => undefined);
  const { message } = await node.cluster.event(pod, `device ${card} is not available on this node`);
  // Who notices first depends on whether the inventory has looked since.
  expect(message).toMatch(/it was (removed, renamed or is in use by the node|unplugged or moved)/);
  await node.remove({ pod });
  await running;
  plugBack();
});

it('a pod with the network of the node is told that it cannot have devices', async () => {
  const template = await node.pod([{ backend: 'veth' }], { hostNetwork: true });
  await refusal(template, "uses the node's network namespace");
});
