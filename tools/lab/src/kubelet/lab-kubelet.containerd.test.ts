import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { enteredContainerdTools } from '../containerd/containerd-tools.ts';
import { LabContainerd } from '../containerd/lab-containerd.ts';
import { waitUntil } from '../waiting/wait-until.ts';
import { DraProtocolError } from './dra-protocol-error.ts';
import type { PodEvent, PodStatus, ResourceClaim } from './kubelet-api.ts';
import { LabKubelet } from './lab-kubelet.ts';
import type { PodManifest } from './pod-manifest.ts';
import { ScriptedDriver, scriptedDriverName } from './scripted-driver.ts';

const tools = enteredContainerdTools();
let containerd: LabContainerd;
let kubelet: LabKubelet;
let driver: ScriptedDriver;
let registry = '';
const claims = new Map<string, ResourceClaim>();
const events: PodEvent[] = [];
const statuses: PodStatus[] = [];
const wipes: (string | undefined)[] = [];

beforeEach(async () => {
  containerd = await LabContainerd.start({ tools });
  registry = join(containerd.directory, 'reg');
  mkdirSync(registry);
  driver = await new ScriptedDriver(registry).start();
  kubelet = new LabKubelet({
    nodeName: 'node-1',
    cri: containerd.cri,
    registryDirectory: registry,
    times: { retryMs: 20, longestRetryMs: 50, wipeDelayMs: 100 },
    api: {
      getClaim: (namespace, name) => Promise.resolve(claims.get(`${namespace}/${name}`)),
      recordEvent: (_pod, event) => Promise.resolve(void events.push(event)),
      updatePodStatus: (_pod, status) => Promise.resolve(void statuses.push(status)),
      wipeResourceSlices: (_node, driverName) => Promise.resolve(void wipes.push(driverName)),
    },
  });
  await kubelet.start();
  await kubelet.pluginRegistered(scriptedDriverName);
});
afterEach(async () => {
  await kubelet.stop();
  driver.stop();
  await containerd.stop();
  claims.clear();
  for (const list of [events, statuses, wipes]) list.length = 0;
});

/** Makes a claim that is allocated to and reserved for some pods, and the CDI device that the scripted driver names for it. */
function allocate(name: string, podNames: readonly string[], mountSource?: string): string {
  const uid = `uid-${name}`;
  claims.set(`default/${name}`, {
    metadata: { name, namespace: 'default', uid },
    status: {
      allocation: {
        devices: { results: [{ request: 'nic', driver: scriptedDriverName, pool: 'node', device: 'eth1' }] },
      },
      reservedFor: podNames.map((podName) => ({ resource: 'pods', name: podName, uid: `uid-${podName}` })),
    },
  });
  const mounts =
    mountSource === undefined
      ? []
      : [{ hostPath: mountSource, containerPath: '/run/gate', options: ['ro', 'bind'] }];
  const spec = {
    cdiVersion: '0.6.0',
    kind: 'example.org/net',
    devices: [{ name: uid, containerEdits: { env: [`CLAIM_${name.toUpperCase()}=${uid}`], mounts } }],
  };
  writeFileSync(join(containerd.cdiDirectory, `${name}.json`), JSON.stringify(spec));
  return uid;
}

function pod(name: string, claimNames: readonly string[] = []): PodManifest {
  const references = claimNames.map((claim) => ({ name: claim }));
  return {
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      labels: { app: name },
      annotations: { a: 'b' },
    },
    spec: {
      containers: [
        { name: 'main', env: [{ name: 'COLOUR', value: 'green' }], resources: { claims: references } },
        { name: 'side' },
      ],
      resourceClaims: claimNames.map((claim) => ({ name: claim, resourceClaimName: claim })),
    },
  };
}

async function run(containerId: string | undefined, script: string): Promise<string> {
  return (await containerd.cri.execSync(containerId ?? '', ['sh', '-c', script])).stdout;
}

function calls(): string[] {
  return driver.calls.map(({ method, uids }) => `${method} ${uids.join(' ')}`);
}

describe(`LabKubelet on containerd ${tools.series}`, () => {
  test('runs a pod with a claim and gives the device to the container that names it only', async () => {
    const uid = allocate('net', ['web']);
    const running = await kubelet.runPod(pod('web', ['net']));
    expect(running.attempts).toEqual({ prepare: 1, sandbox: 1, containers: 2 });
    expect(running.ips).toHaveLength(1);
    expect(await run(running.containers['main'], 'echo $COLOUR $CLAIM_NET')).toBe(`green ${uid}\n`);
    expect(await run(running.containers['side'], 'echo "[$CLAIM_NET]"')).toBe('[]\n');
    expect(await containerd.cri.podSandboxStatus(running.podSandboxId)).toMatchObject({
      labels: { app: 'web', 'io.kubernetes.pod.uid': 'uid-web' },
      annotations: { a: 'b' },
    });
    expect(statuses.at(-1)).toMatchObject({ phase: 'Running', podIPs: running.ips });
    expect(kubelet.violations).toEqual([]);
  });

  test('deletes a pod: claims are unprepared when nothing runs any more', async () => {
    allocate('net', ['web']);
    await kubelet.runPod(pod('web', ['net']));
    const { unprepare } = driver.script;
    let alive: unknown;
    driver.script.unprepare = async (asked) => {
      const sandboxes = await containerd.cri.listPodSandbox();
      alive = [
        sandboxes.map(({ state }) => state),
        (await containerd.cri.listContainers()).map(({ state }) => state),
      ];
      return unprepare(asked);
    };
    await kubelet.deletePod('uid-web');
    expect(alive).toEqual([['not-ready'], ['exited', 'exited']]);
    expect(calls()).toEqual(['prepare uid-net', 'unprepare uid-net']);
    expect(await containerd.cri.listPodSandbox()).toEqual([]);
    expect(kubelet.preparedClaims).toEqual([]);
  });

  test('waits until the claim exists, is allocated, and is reserved for the pod', async () => {
    const starting = kubelet.runPod(pod('web', ['net']));
    const said = (words: string) =>
      waitUntil(words, () => events.some(({ message }) => message.includes(words)), { timeoutMs: 5000 });
    await said('failed to fetch ResourceClaim net');
    claims.set('default/net', { metadata: { name: 'net', namespace: 'default', uid: 'uid-net' } });
    await said('ResourceClaim net is not allocated yet');
    allocate('net', ['another']);
    await said('pod web(uid-web) is not allowed to use ResourceClaim net(uid-net)');
    expect(driver.calls).toEqual([]);
    allocate('net', ['web']);
    await starting;
    expect(calls()).toEqual(['prepare uid-net']);
  });

  test('gives containers the devices that their extended resources come from', async () => {
    const uid = allocate('nics', ['web']);
    const requests = { 'example.com/nic': '1' };
    const running = await kubelet.runPod({
      metadata: { name: 'web', uid: 'uid-web' },
      spec: { containers: [{ name: 'main', resources: { requests } }, { name: 'side' }] },
      status: {
        extendedResourceClaimStatus: {
          resourceClaimName: 'nics',
          requestMappings: [{ containerName: 'main', resourceName: 'example.com/nic', requestName: 'nic' }],
        },
      },
    });
    expect(await run(running.containers['main'], 'echo $CLAIM_NICS')).toBe(`${uid}\n`);
    expect(await run(running.containers['side'], 'echo $CLAIM_NICS')).toBe('\n');
    await kubelet.deletePod('uid-web');
    expect(calls()).toEqual([`prepare ${uid}`, `unprepare ${uid}`]);
  });

  test("puts the driver's words into an event and retries until the driver is content", async () => {
    allocate('net', ['web']);
    const { prepare } = driver.script;
    driver.script.prepare = () => ({ 'uid-net': { error: 'eth1 has no carrier' } });
    const starting = kubelet.runPod(pod('web', ['net']));
    await waitUntil('two attempts', () => driver.calls.length >= 2, { timeoutMs: 5000 });
    driver.script.prepare = prepare;
    const running = await starting;
    expect(running.attempts).toMatchObject({ sandbox: 1, containers: 2 });
    expect(running.attempts.prepare).toBeGreaterThan(2);
    expect(kubelet.events('uid-web')[0]).toEqual({
      type: 'Warning',
      reason: 'FailedPrepareDynamicResources',
      message:
        'Failed to prepare dynamic resources: NodePrepareResources failed for ResourceClaim default/net: eth1 has no carrier',
    });
  });

  test('gives up in time with the last failure', async () => {
    allocate('net', ['web']);
    driver.script.prepare = () => ({ 'uid-net': { error: 'eth1 has no carrier' } });
    await expect(kubelet.runPod(pod('web', ['net']), { timeoutMs: 150 })).rejects.toThrow(
      'eth1 has no carrier',
    );
    expect(await containerd.cri.listPodSandbox()).toEqual([]);
  });

  test('throws at once what breaks the protocol', async () => {
    allocate('net', ['web']);
    driver.script.prepare = () => ({});
    await expect(kubelet.runPod(pod('web', ['net']))).rejects.toThrow(DraProtocolError);
    expect(driver.calls).toHaveLength(1);
    expect(kubelet.violations).toHaveLength(1);
  });

  test('creates a gated container again in the same sandbox until the gate opens; others start meanwhile', async () => {
    const gate = join(containerd.directory, 'net-is-not-attached');
    allocate('net', ['web'], gate);
    const starting = kubelet.runPod(pod('web', ['net']));
    const failures = () => events.filter(({ reason }) => reason === 'Failed');
    await waitUntil('three failures', () => failures().length >= 3, { timeoutMs: 10_000 });
    expect(failures()[0]?.message).toMatch(/^Error: .*net-is-not-attached.*no such file or directory/);
    const waiting = statuses.at(-1);
    expect(waiting).toMatchObject({ phase: 'Pending' });
    expect(waiting?.containers).toEqual([
      expect.objectContaining({
        name: 'main',
        state: 'waiting',
        message: expect.stringContaining('not-attached'),
      }),
      expect.objectContaining({ name: 'side', state: 'running' }),
    ]);
    writeFileSync(gate, '');
    const running = await starting;
    expect(running.attempts.sandbox).toBe(1);
    expect(running.attempts.prepare).toBe(1);
    expect(running.attempts.containers).toBeGreaterThanOrEqual(5);
    expect(await run(running.containers['main'], 'test -f /run/gate && echo open')).toBe('open\n');
  });

  test('two pods share a claim: prepared once, unprepared with the last of them', async () => {
    allocate('net', ['web', 'db']);
    await Promise.all([kubelet.runPod(pod('web', ['net'])), kubelet.runPod(pod('db', ['net']))]);
    await kubelet.deletePod('uid-web');
    expect(calls()).toEqual(['prepare uid-net']);
    await kubelet.deletePod('uid-db');
    expect(calls()).toEqual(['prepare uid-net', 'unprepare uid-net']);
  });

  test('a failed unprepare is retried and does not hold the network', async () => {
    allocate('net', ['web']);
    await kubelet.runPod(pod('web', ['net']));
    const { unprepare } = driver.script;
    driver.script.unprepare = () => ({ 'uid-net': { error: 'eth1 is lost' } });
    await expect(kubelet.deletePod('uid-web', { timeoutMs: 150 })).rejects.toThrow('eth1 is lost');
    expect((await containerd.cri.listPodSandbox()).map(({ state }) => state)).toEqual(['not-ready']);
    driver.script.unprepare = unprepare;
    await kubelet.deletePod('uid-web');
    expect(await containerd.cri.listPodSandbox()).toEqual([]);
  });

  test('deleting a pod that cannot start ends its retries', async () => {
    const starting = kubelet.runPod(pod('web', ['missing']));
    const outcome = starting.catch((error: unknown) => String(error));
    await waitUntil('a failure', () => events.length > 0, { timeoutMs: 5000 });
    await kubelet.deletePod('uid-web');
    expect(await outcome).toContain('failed to fetch ResourceClaim missing');
    expect(await containerd.cri.listPodSandbox()).toEqual([]);
  });

  test('after a restart it wipes all slices, registers drivers anew and prepares again; pods run on', async () => {
    allocate('net', ['web']);
    const before = await kubelet.runPod(pod('web', ['net']));
    expect(wipes).toEqual([undefined]);
    const [after] = await kubelet.restart();
    expect(wipes).toEqual([undefined, undefined]);
    expect(calls()).toEqual(['prepare uid-net', 'prepare uid-net']);
    expect(driver.notifications).toEqual(['registered', 'registered']);
    expect(after).toMatchObject({
      podSandboxId: before.podSandboxId,
      containers: before.containers,
      attempts: { sandbox: 0, containers: 0 },
    });
    await kubelet.deletePod('uid-web');
    expect(calls().at(-1)).toBe('unprepare uid-net');
  });

  test('replaces a sandbox that died, without preparing the claim again', async () => {
    allocate('net', ['web']);
    const before = await kubelet.runPod(pod('web', ['net']));
    await containerd.cri.stopPodSandbox(before.podSandboxId);
    const after = await kubelet.runPod(pod('web', ['net']));
    expect(after.podSandboxId).not.toBe(before.podSandboxId);
    expect(await containerd.cri.podSandboxStatus(after.podSandboxId)).toMatchObject({ attempt: 1 });
    expect(await run(after.containers['main'], 'echo $CLAIM_NET')).toBe('uid-net\n');
    expect(calls()).toEqual(['prepare uid-net']);
  });

  test('survives a restart of the runtime in the middle of its work', async () => {
    await containerd.kill();
    const starting = kubelet.runPod(pod('web'));
    await waitUntil('a failure', () => events.length > 0, { timeoutMs: 5000 });
    expect(events[0]?.reason).toBe('FailedCreatePodSandBox');
    await containerd.restart();
    expect((await starting).ips).toHaveLength(1);
  });

  test('wipes the slices of a driver that leaves and stays away', async () => {
    driver.unregister();
    await kubelet.pluginGone(scriptedDriverName);
    await waitUntil('the wipe', () => wipes.includes(scriptedDriverName), { timeoutMs: 5000 });
    expect(wipes).toEqual([undefined, scriptedDriverName]);
  });
});
