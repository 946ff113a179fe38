/** The demo's story, told inside the lab's namespaces. */
import { isDeepStrictEqual } from 'node:util';
import Table from 'cli-table3';
import { stringify } from 'yaml';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import { DriverProcess } from '../cluster/driver-process.ts';
import { HostNetwork } from '../cluster/host-network.ts';
import { LabCluster } from '../cluster/lab-cluster.ts';
import { deviceClass } from '../cluster/patchbay-objects.ts';
import type { RunningPod } from '../kubelet/pod-worker.ts';
import { waitUntil } from '../waiting/wait-until.ts';
import { measureHooks } from './measure-hooks.ts';
import { Narrator } from './narrator.ts';
import { attachments, type Attachment, backends, claimOf, podTemplate } from './scenario.ts';

const narrator = new Narrator();
const host = new HostNetwork();

narrator.chapter('A node: network cards, containerd with NRI, API server, scheduler and kubelet');
host.build();
const cluster = await LabCluster.start({ nodeName: 'demo-node' });
const driver = new DriverProcess(cluster, backends);
try {
  await tell();
} catch (error) {
  narrator.check(
    'the demo runs to its end',
    false,
    `${String(error)}\n\nthe driver's last words:\n${driver.log.slice(-2000)}`,
  );
}
narrator.chapter('The end');
narrator.check('the driver ends in order', (await driver.stop()) === 0, driver.log.slice(-1000));
const { violations } = cluster.kubelet;
narrator.check('the driver kept to the protocol', violations.length === 0, violations.join('\n'));
await cluster.stop();
host.close();
process.exit(narrator.summary());

async function tell(): Promise<void> {
  const { runtimeName, runtimeVersion } = await cluster.containerd.cri.version();
  narrator.show(`${runtimeName} ${runtimeVersion}, API server ${cluster.server.url}`);
  for (const backend of new Set(attachments.map((attachment) => attachment.backend))) {
    await cluster.create(deviceClass(backend));
  }
  const cards = () => ['nic0', 'nic1'].map((name) => host.state(name));
  const cardsBefore = cards();
  const linksBefore = host.linkNames();

  narrator.chapter("The driver starts, registers and publishes the node's devices");
  await driver.start();
  await showSlices();

  narrator.chapter('Six pods with a claim each: scheduled, prepared, attached, started');
  const pods = await Promise.all(attachments.map(startPod));
  for (const { pod, podSandboxId } of pods) {
    narrator.show(`${pod.metadata.name.padEnd(10)} runs in sandbox ${podSandboxId.slice(0, 12)}`);
  }

  narrator.chapter('What the containers see');
  for (const [index, attachment] of attachments.entries()) await inspect(attachment, pods[index]);

  narrator.chapter('They reach each other over the new links');
  await Promise.all(attachments.map((attachment, index) => ping(attachment, pods[index])));

  narrator.chapter("The claims' status says what the kernel has");
  for (const attachment of attachments) await checkStatus(attachment);

  narrator.chapter('The pods go, the links are back');
  await Promise.all(pods.map(({ pod }) => cluster.deletePod(pod)));
  for (const attachment of attachments) await cluster.delete(claimOf(attachment));
  for (const [index, state] of cards().entries()) {
    narrator.check(
      `${state?.name} is back: ${state?.addresses.join(', ')}, MTU ${state?.mtu}, ${state?.routes.length} routes, "${state?.alias}", ${state?.up ? 'up' : 'down'}`,
      isDeepStrictEqual(state, cardsBefore[index]),
      `before: ${JSON.stringify(cardsBefore[index])}\nnow:    ${JSON.stringify(state)}`,
    );
  }
  narrator.check(
    'no other link is left on the node',
    isDeepStrictEqual(host.linkNames(), linksBefore),
    `before: ${linksBefore.join(' ')}\nnow:    ${host.linkNames().join(' ')}`,
  );

  narrator.chapter('How long the runtime waits for the driver');
  await measureHooks(cluster, driver, narrator);
}

async function startPod(attachment: Attachment): Promise<RunningPod> {
  await cluster.create(claimOf(attachment));
  return cluster.runPod(podTemplate(attachment));
}

async function showSlices(): Promise<void> {
  const slices = await waitUntil(
    'the slices of three pools',
    async () => {
      const { items } = await cluster.api.request<{ items: KubeObject[] }>({
        method: 'GET',
        path: '/apis/resource.k8s.io/v1/resourceslices',
      });
      return items.length >= 3 ? (items as unknown as Slice[]) : undefined;
    },
    { timeoutMs: 10_000 },
  );
  const table = new Table({
    head: ['POOL', 'GENERATION', 'DEVICES', 'FIRST DEVICE'],
    style: { head: [], border: [] },
  });
  for (const { spec } of slices) {
    const [first] = spec.devices;
    const shares = first?.capacity?.['patchbay.dev/links'];
    const attributes = Object.entries(first?.attributes ?? {})
      .slice(0, 5)
      .map(([name, value]) => `${name.replace('patchbay.dev/', '')}=${Object.values(value)[0]}`);
    table.push([
      spec.pool.name,
      spec.pool.generation,
      spec.devices.length,
      `${first?.name}${shares === undefined ? '' : ` for ${shares.value} claims`}: ${attributes.join(' ')} …`,
    ]);
  }
  narrator.show(table.toString());
  narrator.check(
    'every backend has a pool with devices',
    slices.every(({ spec }) => spec.devices.length > 0),
  );
}

async function inspect(
  { pod, interface: wanted }: Attachment,
  running: RunningPod | undefined,
): Promise<void> {
  if (running === undefined) return;
  const output = await cluster.exec(running, ['ip', 'addr', 'show', 'dev', wanted.name]);
  const expected = [
    `mtu ${wanted.mtu}`,
    ...wanted.addresses.map((address) => `inet${address.includes(':') ? '6' : ''} ${address}`),
  ];
  if (wanted.hardwareAddress !== undefined) expected.push(`link/ether ${wanted.hardwareAddress}`);
  if (pod.endsWith('-1')) narrator.show(`\x1b[2m${pod} $ ip addr show dev ${wanted.name}\x1b[0m\n${output}`);
  const missing = expected.filter((text) => !output.includes(text));
  narrator.check(
    `${pod}: ${wanted.name} with ${wanted.addresses.join(', ')}, MTU ${wanted.mtu}`,
    missing.length === 0,
    `missing: ${missing.join('; ')}\n${output}`,
  );
}

async function ping(
  { pod, peer, interface: { name } }: Attachment,
  running: RunningPod | undefined,
): Promise<void> {
  if (running === undefined) return;
  const result = await cluster
    .exec(running, ['ping', '-c', '2', '-i', '0.2', '-W', '2', '-I', name, peer])
    .catch(String);
  narrator.check(`${pod} reaches ${peer} over ${name}`, result.includes(' 0% packet loss'), result);
}

async function checkStatus(attachment: Attachment): Promise<void> {
  const claim = claimOf(attachment);
  const device = await waitUntil(
    `the status of claim ${attachment.pod}`,
    async () => (await cluster.get<ClaimWithStatus>(claim)).status?.devices?.[0],
    { timeoutMs: 5_000 },
  );
  if (attachment.pod.endsWith('-1'))
    narrator.show(`\x1b[2mclaim ${attachment.pod}\x1b[0m\n${stringify({ status: { devices: [device] } })}`);
  const { interfaceName, ips = [] } = device.networkData ?? {};
  narrator.check(
    `claim ${attachment.pod}: Ready, ${interfaceName} with ${ips.join(', ')}`,
    device.conditions.some(({ type, status }) => type === 'Ready' && status === 'True') &&
      interfaceName === attachment.interface.name &&
      attachment.interface.addresses.every((address) => ips.includes(address)),
    JSON.stringify(device),
  );
}

interface Slice {
  readonly spec: {
    readonly pool: { readonly name: string; readonly generation: number };
    readonly devices: readonly {
      readonly name: string;
      readonly attributes: Record<string, Record<string, unknown>>;
      readonly capacity?: Readonly<Record<string, { readonly value: string }>>;
    }[];
  };
}

interface ClaimWithStatus extends KubeObject {
  readonly status?: {
    readonly devices?: readonly {
      readonly conditions: readonly { readonly type: string; readonly status: string }[];
      readonly networkData?: { readonly interfaceName?: string; readonly ips?: readonly string[] };
    }[];
  };
}
