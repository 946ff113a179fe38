import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Container } from '../messages/container.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';
import { pluginServiceName } from '../messages/wire-schema.ts';
import { muxFrames, muxHeaderLength, pluginServiceConnection } from '../mux/mux-frame.ts';
import { PluginRig } from '../testing/plugin-rig.ts';
import { decodeResponse, encodeRequest } from '../ttrpc/ttrpc-envelope.ts';
import { encodeTtrpcMessage, messageTypes, ttrpcHeaderLength } from '../ttrpc/ttrpc-frame.ts';

let rig: PluginRig;

beforeEach(() => {
  rig = new PluginRig();
});

afterEach(() => rig.dispose());

const pod = { id: 'sandbox-1', uid: 'uid-1', name: 'web', namespace: 'default' };
const container = { id: 'container-1', podSandboxId: 'sandbox-1', name: 'main' };

describe('a plugin’s service', () => {
  it('learns about the runtime before anything else', async () => {
    const configure = vi.fn();
    const { states } = rig.startPlugin({ configure });
    const runtime = await rig.startRuntime({ version: '2.3.4', nriVersion: 'v0.12.0', config: 'a: 1' });
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

  it.each([1, 3])('synchronizes once with everything when it comes in %i parts', async (synchronizeParts) => {
    const synchronize = vi.fn();
    rig.startPlugin({ synchronize });
    const pods = Array.from({ length: 7 }, (_, index) => ({ ...pod, id: `sandbox-${index}` }));
    const containers = Array.from({ length: 4 }, (_, index) => ({ ...container, id: `container-${index}` }));
    const runtime = await rig.startRuntime({ pods, containers, synchronizeParts });
    await runtime.synchronized();
    expect(synchronize).toHaveBeenCalledOnce();
    const [seenPods, seenContainers] = synchronize.mock.calls[0] as [PodSandbox[], Container[]];
    expect(seenPods.map(({ id }) => id)).toEqual(pods.map(({ id }) => id));
    expect(seenContainers.map(({ id }) => id)).toEqual(containers.map(({ id }) => id));
  });

  it('passes the runtime’s farewell on', async () => {
    const shutdown = vi.fn();
    rig.startPlugin({ shutdown });
    const runtime = await rig.startRuntime();
    await runtime.synchronized();
    await runtime.shutdown();
    expect(shutdown).toHaveBeenCalledOnce();
  });

  it('answers a method that it does not know with UNIMPLEMENTED', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(rig.socketPath, resolve));
    rig.startPlugin({});
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
    rig.stop.abort();
  });
});
