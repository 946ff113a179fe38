/** A thousand pods come and go, many at once: nothing grows, and the host is at the end what it was at the start. */
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import {
  deviceClass,
  DriverProcess,
  HostNetwork,
  LabCluster,
  type PodTemplate,
  resourceClaim,
  waitUntil,
} from '@patchbay/lab';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { differences, filesBelow, hostSnapshot, shortened } from '../host/host-snapshot.ts';
import { settleBridges } from '../host/settle-bridges.ts';

const pods = 1000;
const podsAtOnce = 16;
/** So many pods fill caches and pools, which have bounds; later ones must not add to them. */
const warmingPods = 200;
/** Every so many pods have a container, which is looked into. */
const containerEvery = 10;
/** How much more memory the driver may have at the end than once it was warm, in MiB: what a garbage collector leaves lying about. */
const memoryLeeway = 16;

const backends: readonly object[] = [
  {
    kind: 'veth',
    networks: [{ name: 'blue', mode: 'bridge', bridge: 'br-blue', devices: 2 * podsAtOnce }],
  },
  { kind: 'macvlan', parents: [{ link: 'uplink0', devices: 2 * podsAtOnce }] },
  { kind: 'hostdev', links: [{ name: 'nic*' }] },
];
/** What the pods have in turn. */
const mixtures: readonly (readonly string[])[] = [
  ['veth'],
  ['macvlan'],
  ['hostdev'],
  ['veth', 'macvlan', 'hostdev'],
  ['veth', 'veth'],
  ['macvlan', 'veth'],
];

let host: HostNetwork;
let cluster: LabCluster;
let driver: DriverProcess;

beforeAll(async () => {
  host = new HostNetwork();
  host.build(podsAtOnce);
  settleBridges();
  // The lab's CNI plugin switches it on with the first pod.
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  cluster = await LabCluster.start();
  for (const backend of ['veth', 'macvlan', 'hostdev']) await cluster.create(deviceClass(backend));
  driver = new DriverProcess(cluster, backends, { log: { level: 'info' } });
  await driver.start();
}, 120_000);
afterAll(async () => {
  await driver.stop();
  await cluster.stop();
  host.destroy();
});

/** Pods for which something did not succeed at once, as on a machine that is busy: they are pods all the same. */
let triedAgain = 0;

/** What must not grow. */
interface Holdings {
  /** MiB. */
  readonly memory: number;
  readonly descriptors: number;
}

function holdings(): Holdings {
  const process = `/proc/${driver.pid}`;
  const resident = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`${process}/status`, 'utf8'))?.[1];
  return { memory: Number(resident) / 1024, descriptors: descriptors(process) };
}

/** Without connections to the API server and sockets in the host's namespace, which come and go by themselves. */
function descriptors(process: string): number {
  const inodes = (table: string, column: number) =>
    readFileSync(`${process}/net/${table}`, 'utf8')
      .split('\n')
      .map((line) => `socket:[${line.trim().split(/\s+/)[column]}]`);
  const passing = new Set([...inodes('tcp', 9), ...inodes('netlink', 9)]);
  return readdirSync(`${process}/fd`).filter((fd) => !passing.has(targetOf(`${process}/fd/${fd}`))).length;
}

function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return 'closed meanwhile';
  }
}

/** Network namespaces that a path or a process keeps alive. */
function namespaces(): readonly string[] {
  const ofProcesses = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => targetOf(`/proc/${pid}/ns/net`));
  const pinned = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  return [...new Set(ofProcesses), ...pinned].filter((name) => name !== 'closed meanwhile').sort();
}

/** A pod's whole life. */
async function live(number: number): Promise<void> {
  const mixture = mixtures[number % mixtures.length] ?? [];
  const name = `pod-${number}`;
  const claims = mixture.map((backend, index) => ({
    name: `${backend}-${index}`,
    backend,
    resourceClaimName: `${name}-${index}`,
    interface: {
      name: `net${index}`,
      addresses: [`10.${20 + index}.${number >> 6}.${(number & 63) + 1}/16`],
    },
  }));
  for (const { backend, resourceClaimName, interface: wanted } of claims) {
    await cluster.create(
      resourceClaim({ name: resourceClaimName, backend, parameters: { interface: wanted } }),
    );
  }
  const hasContainer = number % containerEvery === 0;
  const container = { name: 'main', resources: { claims: claims.map((claim) => ({ name: claim.name })) } };
  const template: PodTemplate = {
    metadata: { name },
    spec: {
      containers: [container],
      resourceClaims: claims.map((claim) => ({
        name: claim.name,
        resourceClaimName: claim.resourceClaimName,
      })),
    },
  };
  const pod = await cluster.createPod(template);
  // Of most only the sandbox is made: what concerns their links is over then.
  const made = hasContainer ? pod : { ...pod, spec: { ...pod.spec, containers: [] } };
  const running = await cluster.kubelet.runPod(made, { timeoutMs: 60_000 });
  if (hasContainer) {
    const addresses = await cluster.exec(running, ['ip', '-o', 'addr']);
    for (const { interface: wanted } of claims) expect(addresses).toContain(wanted.addresses[0]);
  }
  const { prepare, sandbox, containers } = running.attempts;
  if (prepare + sandbox + containers > (hasContainer ? 3 : 2)) triedAgain++;
  await cluster.deletePod(running.pod);
  for (const { resourceClaimName: claim } of claims) {
    await cluster.delete({
      ...{ apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim' },
      metadata: { name: claim, namespace: 'default' },
    });
  }
}

/** So many lives, numbered from `first` on, several at once. */
async function liveAll(first: number, count: number): Promise<void> {
  let next = first;
  await Promise.all(
    Array.from({ length: podsAtOnce }, async () => {
      while (next < first + count) await live(next++);
    }),
  );
}

describe('soak', () => {
  it(`${pods} pods with links of all backends, ${podsAtOnce} at once, leave nothing behind and nothing grown`, async ({
    task,
  }) => {
    const links = hostSnapshot();
    const cold = { ...holdings(), namespaces: namespaces() };
    const began = performance.now();
    await liveAll(0, warmingPods);
    const files = filesBelow(driver.stateDirectory, cluster.containerd.cdiDirectory);
    const warm = holdings();
    await liveAll(warmingPods, pods - warmingPods);
    const seconds = (performance.now() - began) / 1000;

    await waitUntil(
      () => `the host to be what it was:\n${shortened(differences(links, hostSnapshot()))}`,
      () => differences(links, hostSnapshot()).length === 0,
      { timeoutMs: 10_000 },
    );
    const end = holdings();
    task.meta.figures = {
      pods: `${pods} in ${seconds.toFixed(0)} s`,
      'tried again': String(triedAgain),
      'memory, cold / warm / end':
        [cold, warm, end].map(({ memory }) => memory.toFixed(0)).join(' / ') + ' MiB',
      'descriptors, cold / warm / end': [cold, warm, end].map((each) => each.descriptors).join(' / '),
    };
    expect(filesBelow(driver.stateDirectory, cluster.containerd.cdiDirectory)).toEqual(files);
    expect(namespaces()).toEqual(cold.namespaces);
    expect(end.descriptors).toBeLessThanOrEqual(warm.descriptors);
    expect(end.memory).toBeLessThanOrEqual(warm.memory + memoryLeeway);
    expect(cluster.kubelet.violations).toEqual([]);
  }, 500_000);
});
