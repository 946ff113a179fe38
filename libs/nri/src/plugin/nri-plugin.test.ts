import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PluginRig } from '../testing/plugin-rig.ts';
import { InvalidPluginOptionsError, NotConnectedError } from './connection-errors.ts';
import { NriPlugin } from './nri-plugin.ts';

let rig: PluginRig;

beforeEach(() => {
  rig = new PluginRig();
});

afterEach(() => rig.dispose());

const pod = { id: 'sandbox-1', uid: 'uid-1', name: 'web', namespace: 'default' };

describe('a plugin', () => {
  it('updates containers on its own, but only while connected', async () => {
    const { plugin } = rig.startPlugin({});
    const update = { containerId: 'c', resources: { cpu: { shares: 5 } } };
    await expect(plugin.updateContainers([update])).rejects.toThrow(NotConnectedError);
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    await vi.waitFor(() => expect(plugin.connection.connected).toBe(true));
    expect(await plugin.updateContainers([update])).toEqual([]);
    expect(runtime.updateRequests).toMatchObject([
      { containerId: 'c', linux: { resources: update.resources } },
    ]);
  });

  it('handles requests at the same time', async () => {
    const release: (() => void)[] = [];
    rig.startPlugin({ runPodSandbox: () => new Promise((resolve) => release.push(resolve)) });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    const requests = [1, 2, 3].map(() => runtime.runPodSandbox(pod));
    await vi.waitFor(() => expect(release).toHaveLength(3));
    for (const resolve of release) resolve();
    await Promise.all(requests);
  });

  it('answers a hook that does nothing within 0.3 ms', { retry: 2 }, async () => {
    const { requests } = rig.startPlugin({ runPodSandbox: () => Promise.resolve() });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    for (let i = 0; i < 500; i++)
      await runtime.runPodSandbox({ ...pod, labels: { app: 'web' }, ips: ['10.0.0.1'] });
    const durations = requests
      .filter(({ method }) => method === 'RunPodSandbox')
      .map(({ durationMs }) => durationMs);
    expect(durations.sort((a, b) => a - b)[250]).toBeLessThan(0.3);
  });

  it('survives hooks of its owner that throw', async () => {
    const { logged } = rig.startPlugin(
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
    const runtime = await rig.startRuntime();
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
});

describe('the connection to the runtime', () => {
  it('comes about when the runtime’s directory and socket appear later, and the plugin says what is missing', async () => {
    const missing = join(rig.directory, 'nri');
    const { states, logged } = rig.startPlugin({}, { socketPath: join(missing, 'nri.sock') });
    await vi.waitFor(() => expect(states.length).toBeGreaterThan(2));
    expect(states[0]).toMatchObject({ connected: false, attempt: 1, error: { code: 'ENOENT' } });
    expect(states[0]?.error?.message).toContain(`the directory ${missing} does not exist`);
    expect(states[2]?.attempt).toBe(3);
    mkdirSync(missing);
    await vi.waitFor(() => expect(states.at(-1)?.error?.message).toContain('there is no socket'));
    const runtime = await rig.startRuntime({ socketPath: join(missing, 'nri.sock') });
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
    await new Promise<void>((resolve) => server.listen(join(rig.directory, 'other.sock'), resolve));
    renameSync(join(rig.directory, 'other.sock'), join(rig.directory, 'dead.sock'));
    await new Promise<void>((resolve) => server.close(() => resolve()));
    symlinkSync(join(rig.directory, 'dead.sock'), rig.socketPath);
    const probe = await new Promise<string>((resolve) => {
      createConnection(rig.socketPath).once('error', (error: NodeJS.ErrnoException) =>
        resolve(error.code ?? ''),
      );
    });
    expect(probe).toBe('ECONNREFUSED');
    const { states } = rig.startPlugin({});
    await vi.waitFor(() =>
      expect(states.at(-1)?.error?.message).toContain('nobody listens; the runtime is down'),
    );
    rmSync(rig.socketPath);
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
  });

  it('is made again when the runtime drops the plugin, with a new synchronization', async () => {
    const synchronize = vi.fn();
    const runtime = await rig.startRuntime();
    const { states } = rig.startPlugin({ synchronize });
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
    const { states, logged } = rig.startPlugin({
      runPodSandbox: async () => {
        if (slow) await new Promise((resolve) => setTimeout(resolve, 100));
        slow = false;
      },
    });
    const runtime = await rig.startRuntime({ requestTimeoutMs: 40 });
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
    await new Promise<void>((resolve) => server.listen(rig.socketPath, resolve));
    const { states } = rig.startPlugin({});
    await vi.waitFor(() => expect(connections).toBeGreaterThan(3));
    expect(states[0]?.error?.message).toContain('before the registration was complete');
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it('is given up when the other side does not speak NRI', async () => {
    const server = createServer((socket) => socket.resume().write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => server.listen(rig.socketPath, resolve));
    const { states } = rig.startPlugin({});
    await vi.waitFor(() => expect(states[0]?.error?.message).toContain('the peer does not speak NRI'));
    rig.stop.abort();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });

  it('ends after running handlers have answered', async () => {
    let finish: () => void = () => undefined;
    const { done, states } = rig.startPlugin({
      runPodSandbox: () => new Promise((resolve) => (finish = resolve)),
    });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    const request = runtime.runPodSandbox(pod);
    await vi.waitFor(() => expect(finish.name).not.toBe('finish'));
    await new Promise((resolve) => setTimeout(resolve, 10));
    rig.stop.abort();
    await new Promise((resolve) => setTimeout(resolve, 20));
    finish();
    await expect(request).resolves.toBeUndefined();
    await done;
    expect(states.at(-1)).toEqual({ connected: false, attempt: 0 });
  });

  it('ends even if a handler never answers, once the runtime would not wait any longer', async () => {
    const { done } = rig.startPlugin({ runPodSandbox: () => new Promise(() => undefined) });
    const runtime = await rig.startRuntime({ requestTimeoutMs: 50 });
    await runtime.synchronized();
    const request = runtime.runPodSandbox(pod).catch((error: Error) => error);
    await new Promise((resolve) => setTimeout(resolve, 10));
    rig.stop.abort();
    await done;
    expect(await request).toBeInstanceOf(Error);
  });

  it('ends at once while there is no runtime', async () => {
    const { done, states } = rig.startPlugin({}, { backoff: { initialMs: 60_000, maximumMs: 60_000 } });
    await vi.waitFor(() => expect(states).toHaveLength(1));
    rig.stop.abort();
    await done;
  });

  it('is not made twice', async () => {
    const { plugin } = rig.startPlugin({});
    await expect(plugin.run(rig.stop.signal)).rejects.toThrow('running already');
  });
});
