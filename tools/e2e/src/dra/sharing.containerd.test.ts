/** Devices that several claims, or several pods of one claim, may have. */
import { type KubeObject, type PodTemplate, type RunningPod, waitUntil } from '@patchbay/lab';
import { afterEach, describe, expect, it } from 'vitest';
import { TestNode, type TestNodeOptions } from '../test-node.ts';

interface Slice extends KubeObject {
  readonly spec: {
    readonly devices?: readonly { readonly name: string; readonly allowMultipleAllocations?: boolean }[];
  };
}

let node: TestNode | undefined;
afterEach(async () => {
  const left = [node?.leftovers ?? [], node?.cluster.kubelet.violations ?? []];
  await node?.stop();
  node = undefined;
  expect(left).toEqual([[], []]);
});

async function start(options: TestNodeOptions = {}): Promise<TestNode> {
  return (node = await TestNode.start(options));
}

async function devices(): Promise<string[]> {
  const { items } = await node!.cluster.api.list<Slice>('/apis/resource.k8s.io/v1/resourceslices');
  return items
    .flatMap(({ spec }) => spec.devices ?? [])
    .map(({ name, allowMultipleAllocations }) => (allowMultipleAllocations ? `${name} shared` : name));
}

async function published(name: string): Promise<void> {
  await waitUntil(
    () => `device ${name}; the log ends with ${node!.driver.log.slice(-1500)}`,
    async () => (await devices()).includes(name),
    { timeoutMs: 10_000 },
  );
}

const blue = (name: string, address?: string) =>
  ({
    backend: 'veth',
    parameters: { interface: { name, ...(address ? { addresses: [address] } : {}) } },
  }) as const;
const inPod = (pod: RunningPod) => node!.cluster.exec(pod, ['ip', '-o', 'link']);
const macs = (text: string) => [...text.matchAll(/link\/ether ([0-9a-f:]+)/g)].map(([, mac]) => mac);

/** A pod on claims that exist already. */
function podOn(name: string, ...claims: readonly string[]): PodTemplate {
  return {
    metadata: { name },
    spec: {
      containers: [{ name: 'main', resources: { claims: claims.map((claim) => ({ name: claim })) } }],
      resourceClaims: claims.map((claim) => ({ name: claim, resourceClaimName: claim })),
    },
  };
}

describe('a network of the node', () => {
  it('is one device of which claims take shares, several of one pod too', async () => {
    await start();
    await published('blue shared');
    const pod = await node!.cluster.runPod(
      await node!.pod([
        { backend: 'veth', parameters: {} },
        { backend: 'veth', parameters: {} },
        blue('named0', '10.20.0.7/24'),
      ]),
    );
    const links = await inPod(pod);
    expect(links).toMatch(/blue-0@.*blue-1@.*named0@/s);
    expect(new Set(macs(links)).size).toBe(macs(links).length);
    expect(await node!.cluster.exec(pod, ['env'])).toContain('PATCHBAY_INTERFACE_NET=');
    await node!.remove(pod);
  });

  it('is so many devices where the API server does not know consumable capacity, and shared once it does', async () => {
    await start({ apiServer: { features: { DRAConsumableCapacity: false } } });
    await published('blue-31');
    expect((await devices()).filter((name) => name.startsWith('blue'))).toHaveLength(32);
    const before = await node!.cluster.runPod(await node!.pod([blue('blue0', '10.20.0.1/24')]));

    node!.cluster.server.setFeatures({ DRAConsumableCapacity: true });
    // An upgraded API server is another process, which does not know the history of the old one.
    node!.cluster.server.expireWatches();
    await published('blue shared');
    const after = await node!.cluster.runPod(await node!.pod([blue('blue0', '10.20.0.2/24')]));
    await node!.cluster.exec(after, ['ping', '-c1', '-W2', '10.20.0.1']);
    await node!.remove(before);
    await waitUntil(
      'the old form to be gone',
      async () => !(await devices()).some((name) => name.startsWith('blue-')),
      {
        timeoutMs: 5000,
      },
    );
    await node!.remove(after);
  });

  it('is so many devices where the administrator wants that', async () => {
    await start({ configuration: { devices: { sharing: 'discrete' } } });
    await published('blue-31');
    expect(await devices()).not.toContain('blue shared');
  });
});

describe('a claim of several pods', () => {
  it('gives each a link of its own with its own hardware address, and one can go without the other', async () => {
    await start();
    const first = await node!.pod([blue('blue0')]);
    const claim = first.spec.resourceClaims?.[0]?.resourceClaimName ?? '';
    const pods = [
      await node!.cluster.runPod(podOn('one', claim)),
      await node!.cluster.runPod(podOn('two', claim)),
    ];
    const links = await Promise.all(pods.map(inPod));
    for (const each of links) expect(each).toContain('blue0@');
    expect(
      new Set(links.flatMap(macs).filter((mac) => links.every((each) => each.includes(mac ?? '')))),
    ).toEqual(new Set());
    await node!.cluster.deletePod(pods[0]!.pod);
    expect(await inPod(pods[1]!)).toContain('blue0@');
    await node!.remove({ pod: { ...pods[1]!.pod } });
  });

  it('with a static address is refused to the second pod, in words', async () => {
    await start();
    const first = await node!.pod([blue('blue0', '10.20.0.1/24')]);
    const claim = first.spec.resourceClaims?.[0]?.resourceClaimName ?? '';
    const one = await node!.cluster.runPod(podOn('one', claim));
    const two = await node!.cluster.createPod(podOn('two', claim));
    const running = node!.cluster.kubelet.runPod(two).catch(() => undefined);
    const event = await node!.cluster.event(two, 'cannot be in two');
    expect(event.message).toContain(
      '10.20.0.1/24, which one pod can have; give pod default/two a claim of its own',
    );
    await node!.cluster.deletePod(two);
    await running;
    await node!.remove(one);
  });
});

describe('a claim with adminAccess', () => {
  it('sees a card that another pod has, and does not take it', async () => {
    await start({ cards: 1 });
    const user = await node!.cluster.runPod(
      await node!.pod([{ backend: 'hostdev', parameters: { interface: { name: 'fast0' } } }]),
    );
    await node!.cluster.create({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'admins', labels: { 'resource.kubernetes.io/admin-access': 'true' } },
    });
    const claim = {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name: 'look', namespace: 'admins' },
      spec: {
        devices: { requests: [{ name: 'nic', exactly: { deviceClassName: 'hostdev', adminAccess: true } }] },
      },
    } as unknown as KubeObject;
    await node!.cluster.create(claim);
    const template = podOn('monitor', 'look');
    const monitor = await node!.cluster.runPod({
      ...template,
      metadata: { name: 'monitor', namespace: 'admins' },
    });
    expect(await node!.cluster.exec(monitor, ['env'])).toContain('PATCHBAY_INTERFACE_NIC=');
    expect(await inPod(monitor)).not.toContain('nic0');
    expect(await inPod(user)).toContain('fast0');
    await node!.cluster.deletePod(monitor.pod);
    await node!.cluster.delete(claim);
    expect(await inPod(user)).toContain('fast0');
    await node!.remove(user);
  });
});

describe('a prioritised list', () => {
  it('gives the first alternative that there is, with what the claim says of the request and of that alternative', async () => {
    await start();
    const parameters = (content: object) => ({
      driver: 'patchbay.dev',
      parameters: { apiVersion: 'patchbay.dev/v1alpha1', kind: 'InterfaceConfig', ...content },
    });
    const claim = {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name: 'best', namespace: 'default' },
      spec: {
        devices: {
          requests: [
            {
              name: 'net',
              firstAvailable: [
                {
                  name: 'fast',
                  deviceClassName: 'hostdev',
                  selectors: [{ cel: { expression: 'device.attributes["patchbay.dev"].mtu > 20000' } }],
                },
                { name: 'soft', deviceClassName: 'veth' },
              ],
            },
          ],
          config: [
            { requests: ['net'], opaque: parameters({ interface: { name: 'best0', mtu: 1300 } }) },
            { requests: ['net/fast'], opaque: parameters({ interface: { mtu: 9000 } }) },
            { requests: ['net/soft'], opaque: parameters({ interface: { mtu: 1400 } }) },
          ],
        },
      },
    } as unknown as KubeObject;
    await node!.cluster.create(claim);
    const pod = await node!.cluster.runPod(podOn('choosy', 'best'));
    expect(await inPod(pod)).toMatch(/best0@.* mtu 1400/);
    await node!.cluster.deletePod(pod.pod);
    await node!.cluster.delete(claim);
  });
});

describe('an extended resource', () => {
  it('that a device class stands for gives the container a link, set up by the class', async () => {
    await start();
    await node!.cluster.create({
      apiVersion: 'resource.k8s.io/v1',
      kind: 'DeviceClass',
      metadata: { name: 'storage-network' },
      spec: {
        extendedResourceName: 'example.com/storage-network',
        selectors: [
          {
            cel: {
              expression:
                'device.driver == "patchbay.dev" && device.attributes["patchbay.dev"].backend == "veth"',
            },
          },
        ],
        config: [
          {
            opaque: {
              driver: 'patchbay.dev',
              parameters: {
                apiVersion: 'patchbay.dev/v1alpha1',
                kind: 'InterfaceConfig',
                interface: { mtu: 1400 },
              },
            },
          },
        ],
      },
    } as unknown as KubeObject);
    const pod = await node!.cluster.runPod({
      metadata: { name: 'plain' },
      spec: { containers: [{ name: 'main', resources: { limits: { 'example.com/storage-network': 1 } } }] },
    });
    expect(await inPod(pod)).toMatch(/blue-0@.* mtu 1400/);
    expect(await node!.cluster.exec(pod, ['env'])).toContain(
      'PATCHBAY_INTERFACE_CONTAINER_0_REQUEST_0=blue-0',
    );
    await node!.cluster.deletePod(pod.pod);
  });
});
