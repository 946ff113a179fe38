import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LabContainerd, enteredContainerdTools } from '@patchbay/lab';
import type { LabContainerdOptions } from '@patchbay/lab';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Container } from '../messages/container.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';
import type { NriHandlers, RuntimeInfo } from './nri-handlers.ts';
import type { ConnectionState, NriRequest } from './nri-plugin.ts';
import { NriPlugin } from './nri-plugin.ts';

const tools = enteredContainerdTools();
const pod = {
  name: 'web',
  namespace: 'default',
  uid: 'uid-web',
  labels: { app: 'web' },
  annotations: { note: 'kept' },
};
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startContainerd(options: Partial<LabContainerdOptions> = {}): Promise<LabContainerd> {
  const containerd = await LabContainerd.start({ tools, ...options });
  cleanups.push(() => containerd.stop());
  return containerd;
}

interface RunningPlugin {
  readonly plugin: NriPlugin;
  readonly states: ConnectionState[];
  readonly requests: NriRequest[];
  connected(times?: number): Promise<void>;
}

/** A plugin of this process, connected. */
async function startPlugin(containerd: LabContainerd, handlers: NriHandlers): Promise<RunningPlugin> {
  const stop = new AbortController();
  const [states, requests]: [ConnectionState[], NriRequest[]] = [[], []];
  const plugin = new NriPlugin({
    name: 'test',
    index: '10',
    socketPath: containerd.nriSocket,
    handlers,
    onConnectionChange: (state) => void states.push(state),
    onRequest: (request) => void requests.push(request),
  });
  const done = plugin.run(stop.signal);
  cleanups.push(async () => {
    stop.abort();
    await done;
  });
  const connected = (times = 1): Promise<void> =>
    vi.waitFor(() => expect(states.filter((state) => state.connected)).toHaveLength(times), {
      timeout: 20_000,
    });
  await connected();
  return { plugin, states, requests, connected };
}

async function runContainer({ cri }: LabContainerd, sandbox: string, name = 'main'): Promise<string> {
  const container = await cri.createContainer(sandbox, { name, env: { GREETING: 'hello' } }, pod);
  await cri.startContainer(container);
  return container;
}

describe(`NriPlugin with containerd ${tools.series}`, () => {
  it('registers, hears who the runtime is, and synchronizes', async () => {
    const containerd = await startContainerd();
    let runtime: RuntimeInfo | undefined;
    const synchronize = vi.fn();
    await startPlugin(containerd, { configure: (info) => void (runtime = info), synchronize });
    expect(runtime?.name).toBe('containerd');
    expect(runtime?.version).toMatch(tools.series === '2' ? /^v?2\./ : /^v?1\.7\./);
    expect(runtime).toMatchObject({ requestTimeoutMs: 2000, registrationTimeoutMs: 5000 });
    expect(synchronize).toHaveBeenCalledExactlyOnceWith([], []);
  });

  it('registers with a handler for every event, also for those that the runtime does not know', async () => {
    const containerd = await startContainerd();
    const noop = (): undefined => undefined;
    const handlers: NriHandlers = {
      runPodSandbox: noop,
      updatePodSandbox: noop,
      postUpdatePodSandbox: noop,
      stopPodSandbox: noop,
      removePodSandbox: noop,
      createContainer: noop,
      postCreateContainer: noop,
      startContainer: noop,
      postStartContainer: noop,
      updateContainer: noop,
      postUpdateContainer: noop,
      stopContainer: noop,
      removeContainer: noop,
      validateContainerAdjustment: noop,
    };
    const { requests } = await startPlugin(containerd, handlers);
    const sandbox = await containerd.cri.runPodSandbox(pod);
    const container = await runContainer(containerd, sandbox);
    await containerd.cri.stopContainer(container);
    await containerd.cri.removeContainer(container);
    await containerd.cri.stopPodSandbox(sandbox);
    await containerd.cri.removePodSandbox(sandbox);
    const methods = requests.map(({ method }) => method);
    expect(methods).toEqual(
      expect.arrayContaining([
        'RunPodSandbox',
        'CreateContainer',
        'PostCreateContainer',
        'StartContainer',
        'PostStartContainer',
        'StopContainer',
        'RemoveContainer',
        'StopPodSandbox',
        'RemovePodSandbox',
      ]),
    );
    expect(requests.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('sees a pod run, stop and go, with its network namespace while the runtime tells it', async () => {
    const containerd = await startContainerd();
    const events: { name: string; pod: PodSandbox; namespaceExists: boolean }[] = [];
    let path = '';
    const record = (name: string) => (its: PodSandbox) => {
      path = its.networkNamespacePath ?? path;
      events.push({ name, pod: its, namespaceExists: existsSync(path) });
    };
    await startPlugin(containerd, {
      runPodSandbox: record('run'),
      stopPodSandbox: record('stop'),
      removePodSandbox: record('remove'),
    });
    const sandbox = await containerd.cri.runPodSandbox(pod);
    const status = await containerd.cri.podSandboxStatus(sandbox);
    await containerd.cri.stopPodSandbox(sandbox);
    await containerd.cri.removePodSandbox(sandbox);
    expect(events.map(({ name }) => name)).toEqual(['run', 'stop', 'remove']);
    const [run, stop, remove] = events;
    for (const event of events) {
      expect(event.pod).toMatchObject({ id: sandbox, uid: 'uid-web', name: 'web', namespace: 'default' });
    }
    expect(run).toMatchObject({
      namespaceExists: true,
      pod: { labels: pod.labels, annotations: pod.annotations },
    });
    expect(run?.pod.networkNamespacePath).toBe(status?.networkNamespacePath);
    expect(run?.pod.pid).toBeGreaterThan(0);
    expect(stop?.namespaceExists).toBe(true);
    // 1.7 leaves the namespace out although it still exists.
    expect(stop?.pod.networkNamespacePath).toBe(tools.series === '2' ? path : undefined);
    expect(remove?.namespaceExists).toBe(false);
  });

  it('sees no network namespace of a pod in the node’s network', async () => {
    const containerd = await startContainerd();
    const runPodSandbox = vi.fn();
    await startPlugin(containerd, { runPodSandbox });
    await containerd.cri.runPodSandbox({ ...pod, hostNetwork: true });
    expect(runPodSandbox).toHaveBeenCalledOnce();
    expect(runPodSandbox.mock.calls[0]?.[0]).not.toHaveProperty('networkNamespacePath');
  });

  it('adjusts a container: variable, mount, device and annotation arrive', async () => {
    const containerd = await startContainerd();
    const file = join(containerd.directory, 'greeting');
    writeFileSync(file, 'from the node');
    const seen: Container[] = [];
    await startPlugin(containerd, {
      createContainer: (_pod, container) => {
        seen.push(container);
        return {
          env: { INJECTED: 'yes', GREETING: 'replaced' },
          removeEnv: ['GREETING'],
          mounts: [{ destination: '/greeting', source: file, type: 'bind', options: ['rbind', 'ro'] }],
          devices: [{ path: '/dev/lab-null', type: 'c', major: 1, minor: 3, fileMode: 0o666 }],
          rlimits: [{ type: 'RLIMIT_NOFILE', hard: 512, soft: 256 }],
        };
      },
    });
    const sandbox = await containerd.cri.runPodSandbox(pod);
    const container = await runContainer(containerd, sandbox);
    expect(seen[0]).toMatchObject({ id: container, podSandboxId: sandbox, name: 'main' });
    expect(seen[0]?.env).toContain('GREETING=hello');
    const command = 'echo $INJECTED $GREETING; cat /greeting; echo x > /dev/lab-null && ulimit -n';
    const { stdout, stderr } = await containerd.cri.execSync(container, ['sh', '-c', command]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^yes replaced\nfrom the node\d+\n$/);
  });

  it.each([5000, 100_000, 4_000_000])('is understood when its reply has %i bytes', async (length) => {
    const containerd = await startContainerd();
    const { states } = await startPlugin(containerd, {
      // An annotation, because a variable of that size would not fit into the environment of a process.
      createContainer: () => ({ annotations: { big: 'x'.repeat(length) }, env: { AFTER: 'big' } }),
    });
    const sandbox = await containerd.cri.runPodSandbox(pod);
    const container = await containerd.cri.createContainer(sandbox, { name: 'main' }, pod);
    const info = await promisify(execFile)(
      tools.ctr,
      ['--address', containerd.criSocket, '--namespace', 'k8s.io', 'container', 'info', '--spec', container],
      { maxBuffer: 2 ** 26 },
    );
    const spec = JSON.parse(info.stdout) as {
      annotations: Record<string, string>;
      process: { env: string[] };
    };
    expect(spec.annotations['big']).toHaveLength(length);
    expect(spec.process.env).toContain('AFTER=big');
    expect(states.map(({ connected }) => connected)).toEqual([true]);
  });

  it('fails RunPodSandbox with the hook’s message, stop and remove follow, and the next pod runs', async () => {
    const containerd = await startContainerd();
    const events: string[] = [];
    await startPlugin(containerd, {
      runPodSandbox: async (its) => {
        events.push(`run ${its.name}`);
        await Promise.resolve();
        if (its.name === 'web') throw new Error('claim "a": device eth7 is gone');
      },
      stopPodSandbox: (its) => void events.push(`stop ${its.name}`),
      removePodSandbox: (its) => void events.push(`remove ${its.name}`),
    });
    await expect(containerd.cri.runPodSandbox(pod)).rejects.toThrow('claim "a": device eth7 is gone');
    await vi.waitFor(() => expect(events).toEqual(['run web', 'stop web', 'remove web']), {
      timeout: 10_000,
    });
    await containerd.cri.runPodSandbox({ ...pod, name: 'other', uid: 'uid-other' });
    expect(events).toContain('run other');
  });

  it('fails CreateContainer with the hook’s message', async () => {
    const containerd = await startContainerd();
    await startPlugin(containerd, { createContainer: () => Promise.reject(new Error('not attached yet')) });
    const sandbox = await containerd.cri.runPodSandbox(pod);
    await expect(containerd.cri.createContainer(sandbox, { name: 'main' }, pod)).rejects.toThrow(
      'not attached yet',
    );
  });

  it('is dropped when a hook is late: the pod starts without it, and it comes back', async () => {
    const containerd = await startContainerd();
    const delays = [2500];
    const ran: string[] = [];
    const { states, connected } = await startPlugin(containerd, {
      runPodSandbox: async (its) => {
        await new Promise((resolve) => setTimeout(resolve, delays.shift() ?? 0));
        ran.push(its.name);
      },
    });
    const started = performance.now();
    const sandbox = await containerd.cri.runPodSandbox(pod);
    expect(performance.now() - started).toBeGreaterThan(2000);
    expect(await containerd.cri.podSandboxStatus(sandbox)).toMatchObject({ state: 'ready' });
    await connected(2);
    const reasons = states.map(({ error }) => error?.message).filter((message) => message !== undefined);
    expect(reasons[0]).toContain('while it waited for');
    expect(reasons[0]).toContain('too late');
    await containerd.cri.runPodSandbox({ ...pod, name: 'other', uid: 'uid-other' });
    expect(ran).toContain('other');
  });

  it('comes back after the runtime was killed, and synchronizes with the pods that survived', async () => {
    const containerd = await startContainerd();
    const synchronized: { pods: readonly PodSandbox[]; containers: readonly Container[] }[] = [];
    const runPodSandbox = vi.fn();
    const { states, connected } = await startPlugin(containerd, {
      runPodSandbox,
      synchronize: (pods, containers) => void synchronized.push({ pods, containers }),
    });
    const sandbox = await containerd.cri.runPodSandbox(pod);
    const container = await runContainer(containerd, sandbox);
    const path = (await containerd.cri.podSandboxStatus(sandbox))?.networkNamespacePath;
    await containerd.kill();
    await vi.waitFor(() => expect(states.at(-1)?.error).toMatchObject({ code: 'ECONNREFUSED' }), {
      timeout: 5000,
    });
    await containerd.restart();
    await connected(2);
    expect(synchronized.map(({ pods }) => pods.length)).toEqual([0, 1]);
    expect(synchronized[1]?.pods[0]).toMatchObject({
      id: sandbox,
      uid: 'uid-web',
      networkNamespacePath: path,
    });
    expect(synchronized[1]?.containers).toMatchObject([
      { id: container, podSandboxId: sandbox, state: 'running' },
    ]);
    await containerd.cri.runPodSandbox({ ...pod, name: 'other', uid: 'uid-other' });
    expect(runPodSandbox).toHaveBeenCalledTimes(2);
  });

  it('waits for a runtime that has NRI switched off', async () => {
    const containerd = await startContainerd({ nriDisabled: true });
    const stop = new AbortController();
    const states: ConnectionState[] = [];
    const plugin = new NriPlugin({
      name: 'test',
      index: '10',
      socketPath: containerd.nriSocket,
      handlers: {},
      onConnectionChange: (state) => void states.push(state),
    });
    const done = plugin.run(stop.signal);
    await vi.waitFor(() => expect(states.length).toBeGreaterThan(2));
    stop.abort();
    await done;
    expect(states[0]?.error?.message).toContain('NRI is disabled in its configuration');
  });

  it('changes the resources of a running container on its own', async () => {
    const containerd = await startContainerd();
    const { plugin } = await startPlugin(containerd, {});
    const sandbox = await containerd.cri.runPodSandbox(pod);
    const container = await runContainer(containerd, sandbox);
    const limits = async (): Promise<string> => {
      // cgroup v1 and v2.
      const files = '/sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/cpu.weight';
      return (await containerd.cri.execSync(container, ['sh', '-c', `cat ${files} 2>/dev/null`])).stdout;
    };
    const before = await limits();
    expect(
      await plugin.updateContainers([{ containerId: container, resources: { cpu: { shares: 333 } } }]),
    ).toEqual([]);
    expect(await limits()).not.toBe(before);
  });

  if (tools.series === '2') {
    it('synchronizes with more pods than fit into one message', async () => {
      const containerd = await startContainerd();
      const annotations = { padding: 'x'.repeat(500_000) };
      for (let index = 0; index < 12; index++) {
        await containerd.cri.runPodSandbox({
          ...pod,
          name: `p${index}`,
          uid: `u${index}`,
          hostNetwork: true,
          annotations,
        });
      }
      const synchronize = vi.fn();
      const { requests } = await startPlugin(containerd, { synchronize });
      expect(synchronize).toHaveBeenCalledOnce();
      expect(synchronize.mock.calls[0]?.[0]).toHaveLength(12);
      expect(requests.filter(({ method }) => method === 'Synchronize').length).toBeGreaterThan(1);
    });
  }
});
