import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Container } from '../messages/container.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';
import { PluginRig } from '../testing/plugin-rig.ts';

let rig: PluginRig;

beforeEach(() => {
  rig = new PluginRig();
});

afterEach(() => rig.dispose());

const pod = { id: 'sandbox-1', uid: 'uid-1', name: 'web', namespace: 'default' };
const container = { id: 'container-1', podSandboxId: 'sandbox-1', name: 'main' };

describe.each([
  ['a method per event (NRI 0.12)', { nriVersion: 'v0.12.0', version: '2.3.4' }],
  ['StateChange for most events (before NRI 0.12)', {}],
])('a plugin with a runtime that sends %s', (_name, generation) => {
  it('gets every event that it has a handler for, with pod and container', async () => {
    const events: unknown[] = [];
    const podEvent =
      (name: string) =>
      (...[seen]: [PodSandbox]): void =>
        void events.push([name, seen.id]);
    const containerEvent =
      (name: string) =>
      (...[seen, its]: [PodSandbox, Container]): void =>
        void events.push([name, seen.id, its.id]);
    rig.startPlugin({
      runPodSandbox: podEvent('run'),
      stopPodSandbox: podEvent('stop'),
      removePodSandbox: podEvent('remove'),
      createContainer: containerEvent('create'),
      postCreateContainer: containerEvent('created'),
      startContainer: containerEvent('start'),
      postStartContainer: containerEvent('started'),
      updateContainer: containerEvent('update'),
      postUpdateContainer: containerEvent('updated'),
      stopContainer: containerEvent('stopContainer'),
      removeContainer: containerEvent('removeContainer'),
    });
    const runtime = await rig.startRuntime(generation);
    await runtime.synchronized();
    await runtime.runPodSandbox(pod);
    await runtime.createContainer(pod, container);
    await runtime.postCreateContainer(pod, container);
    await runtime.startContainer(pod, container);
    await runtime.postStartContainer(pod, container);
    await runtime.updateContainer(pod, container);
    await runtime.postUpdateContainer(pod, container);
    await runtime.stopContainer(pod, container);
    await runtime.removeContainer(pod, container);
    await runtime.stopPodSandbox(pod);
    await runtime.removePodSandbox(pod);
    const ids = ['sandbox-1', 'container-1'];
    expect(events).toEqual([
      ['run', 'sandbox-1'],
      ...[
        'create',
        'created',
        'start',
        'started',
        'update',
        'updated',
        'stopContainer',
        'removeContainer',
      ].map((name) => [name, ...ids]),
      ['stop', 'sandbox-1'],
      ['remove', 'sandbox-1'],
    ]);
  });

  it('reports requests by the name of the event', async () => {
    const { requests } = rig.startPlugin({ runPodSandbox: () => Promise.reject(new Error('no')) });
    const runtime = await rig.startRuntime(generation);
    await runtime.synchronized();
    await expect(runtime.runPodSandbox(pod)).rejects.toThrow('no');
    expect(requests.map(({ method }) => method)).toEqual(['Configure', 'Synchronize', 'RunPodSandbox']);
    expect(requests[2]?.error?.message).toBe('no');
    expect(requests[0]?.error).toBeUndefined();
    expect(requests[2]?.durationMs).toBeGreaterThan(0);
  });

  it('fails the runtime’s request with the message of a rejected handler', async () => {
    rig.startPlugin({
      runPodSandbox: () => Promise.reject(new Error('claim "a": no device eth7')),
      createContainer: () => {
        throw new Error('thrown at once');
      },
    });
    const runtime = await rig.startRuntime(generation);
    await runtime.synchronized();
    await expect(runtime.runPodSandbox(pod)).rejects.toThrow('claim "a": no device eth7');
    await expect(runtime.createContainer(pod, container)).rejects.toThrow('thrown at once');
  });

  it('subscribes to nothing but the events that have a handler', async () => {
    rig.startPlugin({ stopPodSandbox: () => undefined, validateContainerAdjustment: () => undefined });
    const runtime = await rig.startRuntime(generation);
    await runtime.synchronized();
    const newer = 'nriVersion' in generation ? ['ValidateContainerAdjustment'] : [];
    expect(runtime.subscriptions).toEqual(['StopPodSandbox', ...newer]);
  });
});

describe('a plugin’s handlers', () => {
  it('sees pods and containers as plain data', async () => {
    const seen: { pod: PodSandbox; container: Container }[] = [];
    rig.startPlugin({
      createContainer: (...[itsPod, its]) => void seen.push({ pod: itsPod, container: its }),
    });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    const sent = {
      pod: {
        ...pod,
        labels: { app: 'web' },
        annotations: { note: 'ä' },
        runtimeHandler: 'runc',
        pid: 77,
        ips: ['10.0.0.2', 'fd00::2'],
        networkNamespacePath: '/run/netns/x',
      },
      container: {
        ...container,
        state: 'created' as const,
        args: ['sleep', '1'],
        env: ['A=1'],
        mounts: [{ destination: '/data', source: '/srv', type: 'bind', options: ['rbind'] }],
        createdAt: 1_700_000_000_123.5,
        cdiDevices: ['vendor.com/class=name'],
        rlimits: [{ type: 'RLIMIT_NOFILE', hard: 2n ** 63n, soft: 1024 }],
        linux: { resources: { memory: { limit: -1 } } } as never,
      },
    };
    await runtime.createContainer(sent.pod, sent.container);
    const [only] = seen;
    expect(only?.pod).toMatchObject(sent.pod);
    expect(only?.container).toMatchObject(sent.container);
    expect(only?.container).not.toHaveProperty('pid');
    expect(only?.container).not.toHaveProperty('startedAt');
    expect(only?.container.labels).toEqual({});
  });

  it('sees no network namespace of a host-network pod', async () => {
    const seen: PodSandbox[] = [];
    rig.startPlugin({ runPodSandbox: (its) => void seen.push(its) });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    await runtime.runPodSandbox(pod);
    await runtime.runPodSandbox({ ...pod, networkNamespacePath: '' });
    for (const its of seen) expect(its).not.toHaveProperty('networkNamespacePath');
    expect(seen).toHaveLength(2);
  });

  it('adjusts a container in every way that NRI has', async () => {
    rig.startPlugin({
      createContainer: () => ({
        annotations: { a: '1' },
        removeAnnotations: ['b'],
        mounts: [{ destination: '/d', source: '/s', type: 'bind', options: ['rbind', 'ro'] }],
        removeMounts: ['/e'],
        env: { A: '1', B: '' },
        removeEnv: ['A'],
        args: ['x', 'y'],
        overrideArgs: true,
        hooks: { createRuntime: [{ path: '/bin/true', args: ['true'], timeout: 5 }] },
        rlimits: [{ type: 'RLIMIT_MEMLOCK', hard: 2n ** 64n - 1n, soft: 0 }],
        cdiDevices: ['vendor.com/class=a'],
        devices: [{ path: '/dev/x', type: 'c', major: 10, minor: 200, fileMode: 0o600, uid: 0 }],
        removeDevices: ['/dev/y'],
        linux: {
          resources: {
            cpu: { cpus: '0-1', shares: 512 },
            unified: { 'memory.high': 'max' },
            pids: { limit: 5 },
          },
          oomScoreAdj: -999,
          ioPriority: { class: 'be', priority: 3 },
          removeNamespaces: ['ipc'],
          namespaces: [{ type: 'cgroup', path: '' }],
          sysctl: { 'net.core.somaxconn': '1024' },
          removeSysctl: ['kernel.shm_rmid_forced'],
          netDevices: { eth7: { name: 'net1' } },
          removeNetDevices: ['eth8'],
          scheduler: { policy: 'fifo', priority: 5, flags: ['reset-on-fork'] },
          memoryPolicy: { mode: 'bind', nodes: '0' },
          rdt: { closId: 'a', schemata: ['L3:0=f'] },
          seccompPolicy: {
            defaultAction: 'SCMP_ACT_ALLOW',
            syscalls: [{ names: ['bpf'], action: 'SCMP_ACT_ERRNO' }],
          },
        },
        updates: [{ containerId: 'other', resources: { memory: { limit: 5 } }, ignoreFailure: true }],
        evictions: [{ containerId: 'third', reason: 'noisy' }],
      }),
    });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    expect(await runtime.createContainer(pod, container)).toMatchObject({
      adjust: {
        annotations: { '-b': '', a: '1' },
        mounts: [
          { destination: '-/e' },
          { destination: '/d', source: '/s', type: 'bind', options: ['rbind', 'ro'] },
        ],
        env: [{ key: '-A' }, { key: 'A', value: '1' }, { key: 'B', value: '' }],
        args: ['', 'x', 'y'],
        hooks: { createRuntime: [{ path: '/bin/true', args: ['true'], timeout: 5 }] },
        rlimits: [{ type: 'RLIMIT_MEMLOCK', hard: 2n ** 64n - 1n, soft: 0 }],
        cdiDevices: [{ name: 'vendor.com/class=a' }],
        linux: {
          devices: [
            { path: '-/dev/y' },
            { path: '/dev/x', type: 'c', major: 10, minor: 200, fileMode: 0o600, uid: 0 },
          ],
          resources: {
            cpu: { cpus: '0-1', shares: 512 },
            unified: { 'memory.high': 'max' },
            pids: { limit: 5 },
          },
          oomScoreAdj: -999,
          ioPriority: { class: 'be', priority: 3 },
          namespaces: [{ type: '-ipc' }, { type: 'cgroup', path: '' }],
          sysctl: { '-kernel.shm_rmid_forced': '', 'net.core.somaxconn': '1024' },
          netDevices: { '-eth8': {}, eth7: { name: 'net1' } },
          scheduler: { policy: 'fifo', priority: 5, flags: ['reset-on-fork'] },
          memoryPolicy: { mode: 'bind', nodes: '0' },
          rdt: { closId: 'a', schemata: ['L3:0=f'] },
          seccompPolicy: {
            defaultAction: 'SCMP_ACT_ALLOW',
            syscalls: [{ names: ['bpf'], action: 'SCMP_ACT_ERRNO' }],
          },
        },
      },
      update: [{ containerId: 'other', linux: { resources: { memory: { limit: 5 } } }, ignoreFailure: true }],
      evict: [{ containerId: 'third', reason: 'noisy' }],
    });
  });

  it('sends no adjustment where the handler returns none', async () => {
    rig.startPlugin({ createContainer: () => undefined });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    expect(await runtime.createContainer(pod, container)).toEqual({ update: [], evict: [] });
  });

  it('fails the request when a handler returns something that cannot be sent', async () => {
    rig.startPlugin({ createContainer: () => ({ env: { A: 5 } }) as never });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    await expect(runtime.createContainer(pod, container)).rejects.toThrow(
      'adjust.env[0].value must be a string, not 5',
    );
  });

  it.each([5000, 100_000, 4_000_000])('answers with %i bytes', async (length) => {
    rig.startPlugin({ createContainer: () => ({ annotations: { big: 'x'.repeat(length) } }) });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    const reply = await runtime.createContainer(pod, container);
    expect((reply['adjust'] as { annotations: { big: string } }).annotations.big).toHaveLength(length);
  });

  it('updates, evicts and validates where events ask for it', async () => {
    const update = { containerId: 'c', resources: { cpu: { shares: 5 } } };
    const onUpdatePod = vi.fn();
    rig.startPlugin({
      updateContainer: (_pod, _container, resources) => ({
        updates: [{ ...update, resources: resources ?? {} }],
      }),
      stopContainer: () => [update],
      updatePodSandbox: onUpdatePod,
      validateContainerAdjustment: ({ container: its }) => (its.id === 'bad' ? 'not allowed' : undefined),
    });
    const runtime = await rig.startRuntime({ nriVersion: 'v0.12.0' });
    await runtime.synchronized();
    const resources = { cpu: { shares: 9 } };
    expect(await runtime.updateContainer(pod, container, resources)).toMatchObject({
      update: [{ containerId: 'c', linux: { resources } }],
    });
    expect(await runtime.stopContainer(pod, container)).toMatchObject({
      update: [{ containerId: 'c', linux: { resources: update.resources } }],
    });
    await runtime.updatePodSandbox(pod, { pids: { limit: 1 } }, resources);
    expect(onUpdatePod.mock.calls[0]?.slice(1)).toMatchObject([{ pids: { limit: 1 } }, resources]);
    expect(await runtime.validateContainerAdjustment(pod, { ...container, id: 'bad' })).toEqual({
      reject: true,
      reason: 'not allowed',
    });
    expect(await runtime.validateContainerAdjustment(pod, container)).toMatchObject({ reject: false });
  });
});
