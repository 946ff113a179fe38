import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Logger } from '../logger.ts';
import type { Container } from '../messages/container.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';
import { FakeNriRuntime } from '../testing/fake-nri-runtime.ts';
import type { FakeNriRuntimeOptions } from '../testing/fake-nri-runtime.ts';
import { pluginServiceName } from '../messages/wire-schema.ts';
import { muxFrames, muxHeaderLength, pluginServiceConnection } from '../mux/mux-frame.ts';
import { decodeResponse, encodeRequest } from '../ttrpc/ttrpc-envelope.ts';
import { encodeTtrpcMessage, messageTypes, ttrpcHeaderLength } from '../ttrpc/ttrpc-frame.ts';
import { InvalidPluginOptionsError, NotConnectedError } from './connection-errors.ts';
import type { NriHandlers } from './nri-handlers.ts';
import type { ConnectionState, NriPluginOptions, NriRequest } from './nri-plugin.ts';
import { NriPlugin } from './nri-plugin.ts';

let directory: string;
let stop: AbortController;
let running: Promise<void>[];
const runtimes: FakeNriRuntime[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nri-'));
  stop = new AbortController();
  running = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  await Promise.all(runtimes.splice(0).map((runtime) => runtime.stop()));
  rmSync(directory, { recursive: true, force: true });
});

const pod = { id: 'sandbox-1', uid: 'uid-1', name: 'web', namespace: 'default' };
const container = { id: 'container-1', podSandboxId: 'sandbox-1', name: 'main' };

function socketPath(): string {
  return join(directory, 'nri.sock');
}

async function startRuntime(options: Partial<FakeNriRuntimeOptions> = {}): Promise<FakeNriRuntime> {
  const runtime = await FakeNriRuntime.start({ socketPath: socketPath(), ...options });
  runtimes.push(runtime);
  return runtime;
}

interface RecordedPlugin {
  readonly plugin: NriPlugin;
  readonly states: ConnectionState[];
  readonly requests: NriRequest[];
  readonly logged: { readonly level: keyof Logger; readonly message: string; readonly fields: object }[];
  readonly done: Promise<void>;
}

function startPlugin(handlers: NriHandlers, options: Partial<NriPluginOptions> = {}): RecordedPlugin {
  const [states, requests, logged]: [ConnectionState[], NriRequest[], RecordedPlugin['logged']] = [
    [],
    [],
    [],
  ];
  const log = (level: keyof Logger) => (fields: object, message: string) =>
    void logged.push({ level, message, fields });
  const plugin = new NriPlugin({
    name: 'test',
    index: '10',
    socketPath: socketPath(),
    handlers,
    backoff: { initialMs: 5, maximumMs: 20 },
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    onConnectionChange: (state) => void states.push(state),
    onRequest: (request) => void requests.push(request),
    ...options,
  });
  const done = plugin.run(stop.signal);
  running.push(done);
  return { plugin, states, requests, logged, done };
}

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
    startPlugin({
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
    const runtime = await startRuntime(generation);
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
    const { requests } = startPlugin({ runPodSandbox: () => Promise.reject(new Error('no')) });
    const runtime = await startRuntime(generation);
    await runtime.synchronized();
    await expect(runtime.runPodSandbox(pod)).rejects.toThrow('no');
    expect(requests.map(({ method }) => method)).toEqual(['Configure', 'Synchronize', 'RunPodSandbox']);
    expect(requests[2]?.error?.message).toBe('no');
    expect(requests[0]?.error).toBeUndefined();
    expect(requests[2]?.durationMs).toBeGreaterThan(0);
  });

  it('fails the runtime’s request with the message of a rejected handler', async () => {
    startPlugin({
      runPodSandbox: () => Promise.reject(new Error('claim "a": no device eth7')),
      createContainer: () => {
        throw new Error('thrown at once');
      },
    });
    const runtime = await startRuntime(generation);
    await runtime.synchronized();
    await expect(runtime.runPodSandbox(pod)).rejects.toThrow('claim "a": no device eth7');
    await expect(runtime.createContainer(pod, container)).rejects.toThrow('thrown at once');
  });

  it('subscribes to nothing but the events that have a handler', async () => {
    startPlugin({ stopPodSandbox: () => undefined, validateContainerAdjustment: () => undefined });
    const runtime = await startRuntime(generation);
    await runtime.synchronized();
    const newer = 'nriVersion' in generation ? ['ValidateContainerAdjustment'] : [];
    expect(runtime.subscriptions).toEqual(['StopPodSandbox', ...newer]);
  });
});

describe('a plugin', () => {
  it('learns about the runtime before anything else', async () => {
    const configure = vi.fn();
    const { states } = startPlugin({ configure });
    const runtime = await startRuntime({ version: '2.3.4', nriVersion: 'v0.12.0', config: 'a: 1' });
    await runtime.synchronized();
    const info = {
      name: 'containerd',
      version: '2.3.4',
      nriVersion: 'v0.12.0',
      config: 'a: 1',
      registrationTimeoutMs: 5000,
      requestTimeoutMs: 2000,
    };
    expect(configure).toHaveBeenCalledExactlyOnceWith(info);
    expect(states.at(-1)).toEqual({ connected: true, attempt: 0, runtime: info });
  });

  it('sees pods and containers as plain data', async () => {
    const seen: { pod: PodSandbox; container: Container }[] = [];
    startPlugin({ createContainer: (...[itsPod, its]) => void seen.push({ pod: itsPod, container: its }) });
    const runtime = await startRuntime();
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
    startPlugin({ runPodSandbox: (its) => void seen.push(its) });
    const runtime = await startRuntime();
    await runtime.synchronized();
    await runtime.runPodSandbox(pod);
    await runtime.runPodSandbox({ ...pod, networkNamespacePath: '' });
    for (const its of seen) expect(its).not.toHaveProperty('networkNamespacePath');
    expect(seen).toHaveLength(2);
  });

  it.each([1, 3])('synchronizes once with everything when it comes in %i parts', async (synchronizeParts) => {
    const synchronize = vi.fn();
    startPlugin({ synchronize });
    const pods = Array.from({ length: 7 }, (_, index) => ({ ...pod, id: `sandbox-${index}` }));
    const containers = Array.from({ length: 4 }, (_, index) => ({ ...container, id: `container-${index}` }));
    const runtime = await startRuntime({ pods, containers, synchronizeParts });
    await runtime.synchronized();
    expect(synchronize).toHaveBeenCalledOnce();
    const [seenPods, seenContainers] = synchronize.mock.calls[0] as [PodSandbox[], Container[]];
    expect(seenPods.map(({ id }) => id)).toEqual(pods.map(({ id }) => id));
    expect(seenContainers.map(({ id }) => id)).toEqual(containers.map(({ id }) => id));
  });

  it('adjusts a container in every way that NRI has', async () => {
    startPlugin({
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
    const runtime = await startRuntime();
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
    startPlugin({ createContainer: () => undefined });
    const runtime = await startRuntime();
    await runtime.synchronized();
    expect(await runtime.createContainer(pod, container)).toEqual({ update: [], evict: [] });
  });

  it('fails the request when a handler returns something that cannot be sent', async () => {
    startPlugin({ createContainer: () => ({ env: { A: 5 } }) as never });
    const runtime = await startRuntime();
    await runtime.synchronized();
    await expect(runtime.createContainer(pod, container)).rejects.toThrow(
      'adjust.env[0].value must be a string, not 5',
    );
  });

  it.each([5000, 100_000, 4_000_000])('answers with %i bytes', async (length) => {
    startPlugin({ createContainer: () => ({ annotations: { big: 'x'.repeat(length) } }) });
    const runtime = await startRuntime();
    await runtime.synchronized();
    const reply = await runtime.createContainer(pod, container);
    expect((reply['adjust'] as { annotations: { big: string } }).annotations.big).toHaveLength(length);
  });

  it('updates, evicts and validates where events ask for it', async () => {
    const update = { containerId: 'c', resources: { cpu: { shares: 5 } } };
    const onUpdatePod = vi.fn();
    startPlugin({
      updateContainer: (_pod, _container, resources) => ({
        updates: [{ ...update, resources: resources ?? {} }],
      }),
      stopContainer: () => [update],
      updatePodSandbox: onUpdatePod,
      validateContainerAdjustment: ({ container: its }) => (its.id === 'bad' ? 'not allowed' : undefined),
    });
    const runtime = await startRuntime({ nriVersion: 'v0.12.0' });
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

  it('updates containers on its own, but only while connected', async () => {
    const { plugin } = startPlugin({});
    const update = { containerId: 'c', resources: { cpu: { shares: 5 } } };
    await expect(plugin.updateContainers([update])).rejects.toThrow(NotConnectedError);
    const runtime = await startRuntime();
    await runtime.synchronized();
    await vi.waitFor(() => expect(plugin.connection.connected).toBe(true));
    expect(await plugin.updateContainers([update])).toEqual([]);
    expect(runtime.updateRequests).toMatchObject([
      { containerId: 'c', linux: { resources: update.resources } },
    ]);
  });

  it('passes the runtime’s farewell on', async () => {
    const shutdown = vi.fn();
    startPlugin({ shutdown });
    const runtime = await startRuntime();
    await runtime.synchronized();
    await runtime.shutdown();
    expect(shutdown).toHaveBeenCalledOnce();
  });

  it('handles requests at the same time', async () => {
    const release: (() => void)[] = [];
    startPlugin({ runPodSandbox: () => new Promise((resolve) => release.push(resolve)) });
    const runtime = await startRuntime();
    await runtime.synchronized();
    const requests = [1, 2, 3].map(() => runtime.runPodSandbox(pod));
    await vi.waitFor(() => expect(release).toHaveLength(3));
    for (const resolve of release) resolve();
    await Promise.all(requests);
  });

  it('answers a hook that does nothing within 0.3 ms', async () => {
    const { requests } = startPlugin({ runPodSandbox: () => Promise.resolve() });
    const runtime = await startRuntime();
    await runtime.synchronized();
    for (let i = 0; i < 500; i++)
      await runtime.runPodSandbox({ ...pod, labels: { app: 'web' }, ips: ['10.0.0.1'] });
    const durations = requests
      .filter(({ method }) => method === 'RunPodSandbox')
      .map(({ durationMs }) => durationMs);
    expect(durations.sort((a, b) => a - b)[250]).toBeLessThan(0.3);
  });

  it('survives hooks of its owner that throw', async () => {
    const { logged } = startPlugin(
      { runPodSandbox: () => undefined },
      {
        onRequest: () => {
          throw new Error('metrics');
        },
        onConnectionChange: () => {
          throw new Error('health');
        },
      },
    );
    const runtime = await startRuntime();
    await runtime.synchronized();
    await runtime.runPodSandbox(pod);
    expect(runtime.registrations).toBe(1);
    expect(logged.filter(({ level }) => level === 'error').map(({ message }) => message)).toContain(
      'onRequest failed',
    );
  });

  it('is refused with options that cannot work, all at once', () => {
    const options = { name: 'a b', index: '7', socketPath: `/${'x'.repeat(107)}`, handlers: {} };
    expect(() => new NriPlugin(options)).toThrow(InvalidPluginOptionsError);
    expect(() => new NriPlugin(options)).toThrow(/name is "a b".*index is "7".*107 bytes/);
  });

  it('answers a method that it does not know with UNIMPLEMENTED', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(socketPath(), resolve));
    startPlugin({});
    const call = encodeRequest({ service: pluginServiceName, method: 'New', payload: new Uint8Array() }, 0);
    const reply = await new Promise<Buffer>((resolve) => {
      server.once('connection', (socket) => {
        socket.once('data', () => {
          socket.once('data', resolve);
          socket.write(muxFrames(pluginServiceConnection, encodeTtrpcMessage(1, messageTypes.request, call)));
        });
      });
    });
    expect(() => decodeResponse(reply.subarray(muxHeaderLength + ttrpcHeaderLength))).toThrow(
      expect.objectContaining({ code: 12, message: 'the NRI plugin has no method New' }) as Error,
    );
    server.close();
    stop.abort();
  });
});

describe('the connection to the runtime', () => {
  it('comes about when the runtime’s directory and socket appear later, and the plugin says what is missing', async () => {
    const missing = join(directory, 'nri');
    const { states, logged } = startPlugin({}, { socketPath: join(missing, 'nri.sock') });
    await vi.waitFor(() => expect(states.length).toBeGreaterThan(2));
    expect(states[0]).toMatchObject({ connected: false, attempt: 1, error: { code: 'ENOENT' } });
    expect(states[0]?.error?.message).toContain(`the directory ${missing} does not exist`);
    expect(states[2]?.attempt).toBe(3);
    mkdirSync(missing);
    await vi.waitFor(() => expect(states.at(-1)?.error?.message).toContain('there is no socket'));
    const runtime = await startRuntime({ socketPath: join(missing, 'nri.sock') });
    await runtime.synchronized();
    await vi.waitFor(() => expect(states.at(-1)?.connected).toBe(true));
    const warnings = logged.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message)).toEqual([
      'waiting for the runtime',
      'waiting for the runtime',
    ]);
  });

  it('comes about when a dead runtime’s socket refuses connections until it is back', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(directory, 'other.sock'), resolve));
    renameSync(join(directory, 'other.sock'), join(directory, 'dead.sock'));
    await new Promise<void>((resolve) => server.close(() => resolve()));
    symlinkSync(join(directory, 'dead.sock'), socketPath());
    const probe = await new Promise<string>((resolve) => {
      createConnection(socketPath()).once('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code ?? ''),
      );
    });
    expect(probe).toBe('ECONNREFUSED');
    const { states } = startPlugin({});
    await vi.waitFor(() =>
      expect(states.at(-1)?.error?.message).toContain('nobody listens; the runtime is down'),
    );
    rmSync(socketPath());
    const runtime = await startRuntime();
    await runtime.synchronized();
  });

  it('is made again when the runtime drops the plugin, with a new synchronization', async () => {
    const synchronize = vi.fn();
    const runtime = await startRuntime();
    const { states } = startPlugin({ synchronize });
    for (const registrations of [1, 2, 3]) {
      await runtime.synchronized();
      expect(runtime.registrations).toBe(registrations);
      expect(synchronize).toHaveBeenCalledTimes(registrations);
      await vi.waitFor(() => expect(states.at(-1)?.connected).toBe(true));
      runtime.disconnect();
    }
    await runtime.synchronized();
    const losses = states
      .filter(({ connected }) => !connected)
      .map(({ attempt, error }) => [attempt, error?.message]);
    expect(losses).toEqual(Array.from({ length: 3 }, () => [1, 'the runtime closed the connection']));
  });

  it('is made again after the runtime gave up on a late answer, which is logged', async () => {
    let slow = true;
    const { states, logged } = startPlugin({
      runPodSandbox: async () => {
        if (slow) await new Promise((resolve) => setTimeout(resolve, 100));
        slow = false;
      },
    });
    const runtime = await startRuntime({ requestTimeoutMs: 40 });
    await runtime.synchronized();
    await expect(runtime.runPodSandbox(pod)).rejects.toMatchObject({ code: 4 });
    await vi.waitFor(() =>
      expect(states.some(({ error }) => error?.message.includes('too late'))).toBe(true),
    );
    await runtime.synchronized();
    await vi.waitFor(() => expect(slow).toBe(false));
    await runtime.runPodSandbox(pod);
    expect(runtime.registrations).toBe(2);
    const late = logged.find(({ message }) => message.startsWith('the answer was late'));
    expect(late).toMatchObject({ level: 'error', fields: { timeoutMs: 40 } });
  });

  it('is tried again when the runtime hangs up during the registration', async () => {
    let connections = 0;
    const server = createServer((socket) => {
      connections++;
      socket.destroy();
    });
    await new Promise<void>((resolve) => server.listen(socketPath(), resolve));
    const { states } = startPlugin({});
    await vi.waitFor(() => expect(connections).toBeGreaterThan(3));
    expect(states[0]?.error?.message).toContain('before the registration was complete');
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it('is given up when the other side does not speak NRI', async () => {
    const server = createServer((socket) => socket.resume().write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(socketPath(), resolve));
    const { states } = startPlugin({});
    await vi.waitFor(() => expect(states[0]?.error?.message).toContain('the peer does not speak NRI'));
    stop.abort();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it('ends after running handlers have answered', async () => {
    let finish: () => void = () => undefined;
    const { done, states } = startPlugin({
      runPodSandbox: () => new Promise((resolve) => (finish = resolve)),
    });
    const runtime = await startRuntime();
    await runtime.synchronized();
    const request = runtime.runPodSandbox(pod);
    await vi.waitFor(() => expect(finish.name).not.toBe('finish'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    finish();
    await expect(request).resolves.toBeUndefined();
    await done;
    expect(states.at(-1)).toEqual({ connected: false, attempt: 0 });
  });

  it('ends even if a handler never answers, once the runtime would not wait any longer', async () => {
    const { done } = startPlugin({ runPodSandbox: () => new Promise(() => undefined) });
    const runtime = await startRuntime({ requestTimeoutMs: 50 });
    await runtime.synchronized();
    const request = runtime.runPodSandbox(pod).catch((error: Error) => error);
    await new Promise((resolve) => setTimeout(resolve, 10));
    stop.abort();
    await done;
    expect(await request).toBeInstanceOf(Error);
  });

  it('ends at once while there is no runtime', async () => {
    const { done, states } = startPlugin({}, { backoff: { initialMs: 60_000, maximumMs: 60_000 } });
    await vi.waitFor(() => expect(states).toHaveLength(1));
    stop.abort();
    await done;
  });

  it('is not made twice', async () => {
    const { plugin } = startPlugin({});
    await expect(plugin.run(stop.signal)).rejects.toThrow('running already');
  });
});
