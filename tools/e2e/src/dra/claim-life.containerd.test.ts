/** What the kubelet, the API server and the container see of a claim on its way through the whole driver. */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeDeviceMetadata } from '@patchbay/dra/testing';
import { type KubeObject, type PodTemplate, type RunningPod, waitUntil } from '@patchbay/lab';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { duration, reportFigures } from '../report-figures.ts';
import { TestNode } from '../test-node.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}
interface DeviceStatus {
  readonly driver: string;
  readonly device: string;
  readonly conditions?: readonly Condition[];
  readonly networkData?: object;
}
interface Claim extends KubeObject {
  readonly status?: { readonly devices?: readonly DeviceStatus[] };
}

let node: TestNode;
let links: readonly string[];
beforeAll(async () => {
  node = await TestNode.start({ cards: 2 });
  links = node.host.linkNames();
});
afterAll(() => node.stop());
afterEach(() => {
  expect(node.leftovers).toEqual([]);
  expect(node.host.linkNames()).toEqual(links);
  expect(node.cluster.kubelet.violations).toEqual([]);
});

const wish = {
  backend: 'veth',
  parameters: { interface: { name: 'blue0', addresses: ['10.20.0.1/24'], mtu: 1400 } },
} as const;
const claimName = (pod: { readonly spec: PodTemplate['spec'] }) =>
  pod.spec.resourceClaims?.[0]?.resourceClaimName ?? '';
const sliceList = () => node.cluster.api.list<KubeObject>('/apis/resource.k8s.io/v1/resourceslices');

async function deviceStatus(name: string, reason: string): Promise<DeviceStatus> {
  return waitUntil(
    () => `status ${reason} of claim ${name}; the log ends with ${node.driver.log.slice(-1500)}`,
    async () => {
      const { status } = await node.cluster.get<Claim>({
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceClaim',
        metadata: { name, namespace: 'default' },
      });
      return status?.devices?.find(({ conditions = [] }) =>
        conditions.some((each) => each.reason === reason),
      );
    },
    { timeoutMs: 10_000 },
  );
}

describe('a claim', () => {
  it('check 49: is described in the container, with the next generation once it is attached, until it is unprepared', async () => {
    const pod = await node.cluster.runPod(await node.pod([wish]));
    const directory = join(node.driver.stateDirectory, 'metadata');
    const mounted = `/var/run/kubernetes.io/dra-device-attributes/resourceclaims/${claimName(pod.pod)}/net/patchbay.dev-metadata.json`;
    const read = async (): Promise<object> =>
      decodeDeviceMetadata(await node.cluster.exec(pod, ['cat', mounted])) as object;
    const metadata = await waitUntil(
      'the second generation',
      async () => {
        const found = await read();
        return JSON.stringify(found).includes('"generation":2') ? found : undefined;
      },
      { timeoutMs: 5000 },
    );
    const address = /link\/ether (\S+)/.exec(
      await node.cluster.exec(pod, ['ip', 'link', 'show', 'blue0']),
    )?.[1];
    expect(JSON.stringify(metadata)).toContain(address);
    expect(metadata).toMatchObject({
      requests: [
        {
          name: 'net',
          devices: [
            {
              driver: 'patchbay.dev',
              pool: 'lab-node/veth',
              name: 'blue',
              attributes: { 'patchbay.dev/network': { string: 'blue' } },
              networkData: { interfaceName: 'blue0', hardwareAddress: address, ips: ['10.20.0.1/24'] },
            },
          ],
        },
      ],
    });
    await node.remove(pod);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('check 29: is attached by a driver that was killed and started again after it was prepared', async () => {
    const template = await node.pod([wish]);
    const pod = await node.cluster.createPod(template);
    await node.cluster.containerd.kill();
    const running = node.cluster.kubelet.runPod(pod);
    await node.prepared(1);
    await node.driver.kill();
    await node.driver.start({ wait: false });
    await node.cluster.containerd.restart();
    const started = await running;
    expect(await node.cluster.exec(started, ['ip', '-o', 'addr'])).toContain('10.20.0.1/24');
    await node.driver.ready();
    await node.remove(started);
  });

  it('check 30: of an earlier boot is forgotten, and made anew when the kubelet prepares it again; so are lost CDI files', async () => {
    const pod = await node.cluster.runPod(await node.pod([wish]));
    await node.cluster.kubelet.stop();
    await node.driver.stop();
    // What a reboot leaves behind: a journal that lies on a disk, and nothing else.
    await node.cluster.containerd.cri.stopPodSandbox(pod.podSandboxId);
    for (const name of readdirSync(node.cluster.containerd.cdiDirectory)) {
      rmSync(join(node.cluster.containerd.cdiDirectory, name));
    }
    const claims = join(node.driver.stateDirectory, 'claims');
    for (const name of readdirSync(claims)) {
      const record = JSON.parse(readFileSync(join(claims, name), 'utf8')) as object;
      writeFileSync(join(claims, `${name}.edited`), JSON.stringify({ ...record, bootId: 'another' }));
      renameSync(join(claims, `${name}.edited`), join(claims, name));
    }
    await node.driver.start({ wait: false });
    await waitUntil(
      'the old claim to be forgotten',
      () => node.driver.log.includes('forgetting a claim of an earlier boot'),
      {
        timeoutMs: 5000,
      },
    );
    const [again] = await node.cluster.kubelet.restart();
    expect(await node.cluster.exec(again as RunningPod, ['ip', '-o', 'addr'])).toContain('10.20.0.1/24');
    await node.driver.ready();
    await node.remove(again as RunningPod);
  });

  it('says in its status what the kernel has while it is attached, and why it is not ready before and after', async () => {
    const bad = await node.cluster.createPod(
      await node.pod([{ backend: 'veth', parameters: { interface: { mtu: 1 } } }]),
    );
    const refused = node.cluster.kubelet.runPod(bad).catch(() => undefined);
    const [condition] = (await deviceStatus(claimName(bad), 'PrepareFailed')).conditions ?? [];
    expect(condition).toMatchObject({
      type: 'Ready',
      status: 'False',
      message: expect.stringContaining('interface.mtu'),
    });
    await node.remove({ pod: bad });
    await refused;

    // The pod's CNI plugin has that name.
    const clash = await node.cluster.createPod(
      await node.pod([{ backend: 'veth', parameters: { interface: { name: 'eth0' } } }]),
    );
    const failing = node.cluster.kubelet.runPod(clash).catch(() => undefined);
    expect((await deviceStatus(claimName(clash), 'AttachFailed')).conditions?.[0]).toMatchObject({
      type: 'Ready',
      status: 'False',
      message: expect.stringContaining("an interface 'eth0' exists there already"),
    });
    await node.remove({ pod: clash });
    await failing;

    const pod = await node.cluster.runPod(await node.pod([wish]));
    const name = claimName(pod.pod);
    const mac = /link\/ether (\S+)/.exec(await node.cluster.exec(pod, ['ip', 'link', 'show', 'blue0']))?.[1];
    expect(await deviceStatus(name, 'Attached')).toMatchObject({
      driver: 'patchbay.dev',
      device: 'blue',
      networkData: { interfaceName: 'blue0', hardwareAddress: mac, ips: ['10.20.0.1/24'] },
      data: { mtu: 1400 },
    });
    await node.remove(pod);
  });
});

describe('slices', () => {
  it('check 44: wiped by a kubelet that restarts are back within a second', async (context) => {
    await waitUntil('three pools', async () => (await sliceList()).items.length === 3, { timeoutMs: 5000 });
    const specs = async () =>
      (await sliceList()).items.map(
        (slice) => (slice as KubeObject & { spec: { devices: object } }).spec.devices,
      );
    const before = await specs();
    await node.cluster.api.request({
      method: 'DELETE',
      path: '/apis/resource.k8s.io/v1/resourceslices',
      query: { fieldSelector: 'spec.nodeName=lab-node' },
    });
    const begun = performance.now();
    await waitUntil('three pools again', async () => (await sliceList()).items.length === 3, {
      timeoutMs: 5000,
    });
    const took = performance.now() - begun;
    reportFigures(context, { 'back after': duration(took) });
    expect(took).toBeLessThan(1000);
    expect(new Set((await specs()).map((each) => JSON.stringify(each)))).toEqual(
      new Set(before.map((each) => JSON.stringify(each))),
    );
  });

  it('check 33: are not written while nothing changes, also not when the driver starts again', async () => {
    const before = (await sliceList()).items.map(({ metadata }) => metadata.resourceVersion);
    const from = node.cluster.server.requests.length;
    await node.driver.stop();
    await node.driver.start();
    const pod = await node.cluster.runPod(await node.pod([wish]));
    await node.remove(pod);
    expect((await sliceList()).items.map(({ metadata }) => metadata.resourceVersion)).toEqual(before);
    const writes = node.cluster.server.requests
      .slice(from)
      .filter(
        ({ path, method, user }) =>
          path.includes('resourceslices') && method !== 'GET' && user.includes('patchbay'),
      );
    // The question what the API server knows stores nothing.
    expect(writes.filter(({ query }) => query['dryRun'] === undefined)).toEqual([]);
  });
});
