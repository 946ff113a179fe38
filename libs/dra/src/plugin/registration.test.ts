import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeResourceApi, TestKubelet } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import { DraPlugin } from './dra-plugin.ts';
import type { DraPluginOptions } from './dra-plugin.ts';
import type { DraDriver } from './dra-driver.ts';
import { SocketPathBlockedError } from './grpc-socket.ts';
import { SocketPathTooLongError } from './socket-paths.ts';

const idleDriver: DraDriver = {
  prepareClaim: () => Promise.resolve([]),
  unprepareClaim: () => Promise.resolve(),
};

describe('registration with the kubelet', () => {
  let directory: string;
  let fake: FakeResourceApi;
  let kubelet: TestKubelet;
  const plugins: DraPlugin[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dra-'));
    fake = await fakeResourceApi();
    kubelet = new TestKubelet();
  });

  afterEach(async () => {
    kubelet.close();
    for (const plugin of plugins.splice(0)) await plugin.stop();
    await fake.stop();
    rmSync(directory, { recursive: true });
  });

  function plugin(overrides: Partial<DraPluginOptions> = {}): DraPlugin {
    const made = new DraPlugin({
      driverName: 'toys.example.com',
      driver: idleDriver,
      api: fake.api,
      registryDirectory: join(directory, 'registry'),
      pluginDirectory: join(directory, 'plugin'),
      nodeName: 'worker',
      stopGraceMs: 200,
      ...overrides,
    });
    plugins.push(made);
    return made;
  }

  it('check 1: start serves two sockets, the service before the registration', async () => {
    const toy = plugin();
    const { sockets } = toy;
    mkdirSync(join(directory, 'registry'));
    // A directory in the way of the registration socket shows the order: the service must have been there, and must be gone again.
    mkdirSync(sockets.registration);
    await expect(toy.start()).rejects.toBeInstanceOf(SocketPathBlockedError);
    expect(existsSync(sockets.service)).toBe(false);
    rmSync(sockets.registration, { recursive: true });

    const started = plugin();
    await started.start();
    expect(sockets.registration).toBe(join(directory, 'registry/toys.example.com-reg.sock'));
    expect(sockets.service).toBe(join(directory, 'plugin/dra.sock'));
    expect(lstatSync(sockets.registration).isSocket()).toBe(true);
    const [service, registration] = [lstatSync(sockets.service), lstatSync(sockets.registration)];
    expect(service.ctimeMs).toBeLessThanOrEqual(registration.ctimeMs);
    expect(readdirSync(join(directory, 'registry'))).toEqual(['toys.example.com-reg.sock']);
  });

  it('check 2: GetInfo names the driver, the service socket and both versions, v1 first', async () => {
    const toy = plugin();
    await toy.start();
    expect(await kubelet.getInfo(toy.sockets.registration)).toEqual({
      type: 'DRAPlugin',
      name: 'toys.example.com',
      endpoint: toy.sockets.service,
      supportedVersions: ['v1.DRAPlugin', 'v1beta1.DRAPlugin'],
    });
    expect(toy.registered).toBe(false);
    await kubelet.notify(toy.sockets.registration, true);
    expect(toy.registered).toBe(true);
  });

  it('check 3: the wire names resolve, the registered names are unimplemented', async () => {
    const toy = plugin();
    await toy.start();
    const { service } = toy.sockets;
    for (const version of ['v1', 'v1beta1']) {
      for (const method of ['NodePrepareResources', 'NodeUnprepareResources']) {
        const name = `${version}.DRAPlugin/${method}`;
        await expect(kubelet.callRaw(service, `/k8s.io.kubelet.pkg.apis.dra.${name}`)).resolves.toHaveLength(
          0,
        );
        await expect(kubelet.callRaw(service, `/${name}`)).rejects.toMatchObject({
          code: status.UNIMPLEMENTED,
        });
      }
    }
    await expect(kubelet.callRaw(service, '/v1.DRAResourceHealth/NodeWatchResources')).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
  });

  it('check 4: a refused registration is answered with an error and can be repeated', async () => {
    const seen: unknown[] = [];
    const toy = plugin({ onRegistration: (verdict) => seen.push(verdict) });
    await toy.start();
    const { registration } = toy.sockets;
    await expect(kubelet.notify(registration, false, 'version too old')).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: 'The kubelet refused the registration: version too old',
    });
    expect(toy.registered).toBe(false);
    await kubelet.register(registration);
    expect(toy.registered).toBe(true);
    expect(seen).toEqual([{ registered: false, error: 'version too old' }, { registered: true }]);
  });

  it('check 6: stale socket files of a killed process are replaced', async () => {
    const toy = plugin();
    for (const path of [toy.sockets.service, toy.sockets.registration]) await leaveStaleSocket(path);
    await toy.start();
    expect((await kubelet.register(toy.sockets.registration)).name).toBe('toys.example.com');
  });

  it('check 7: stop removes the own sockets and nothing else', async () => {
    const toy = plugin();
    await toy.start();
    writeFileSync(join(directory, 'registry/other.example.com-reg.sock'), '');
    await kubelet.register(toy.sockets.registration);
    await toy.stop();
    expect(readdirSync(join(directory, 'registry'))).toEqual(['other.example.com-reg.sock']);
    expect(readdirSync(join(directory, 'plugin'))).toEqual([]);
    expect(toy.registered).toBe(false);
  });

  it('check 7: stop leaves the sockets that a successor has put in the same place', async () => {
    const old = plugin();
    await old.start();
    const successor = plugin();
    await successor.start();
    await old.stop();
    const info = await kubelet.register(successor.sockets.registration);
    expect(info.endpoint).toBe(successor.sockets.service);
    expect(Object.keys(await kubelet.prepare(info.endpoint, []))).toEqual([]);
  });

  it('check 8: two pod UIDs give four sockets', async () => {
    const [first, second] = [plugin({ podUid: 'uid-a' }), plugin({ podUid: 'uid-b' })];
    await Promise.all([first.start(), second.start()]);
    expect(readdirSync(join(directory, 'registry')).sort()).toEqual([
      'toys.example.com-uid-a-reg.sock',
      'toys.example.com-uid-b-reg.sock',
    ]);
    expect(readdirSync(join(directory, 'plugin')).sort()).toEqual(['dra-uid-a.sock', 'dra-uid-b.sock']);
    await first.stop();
    expect((await kubelet.register(second.sockets.registration)).endpoint).toBe(second.sockets.service);
  });

  it('check 9: long names fall back to a deterministic path that fits', async () => {
    const names = {
      driverName: `${'long-'.repeat(10)}name.example`,
      podUid: '0b9e7cf2-5d3c-4a3e-9a36-8f1f4b7b0f7e',
      registryDirectory: join(directory, 'a-registry-directory-somewhere'),
    };
    const toy = plugin(names);
    expect(toy.sockets).toEqual(plugin(names).sockets);
    expect(toy.sockets.registration).not.toBe(plugin({ ...names, podUid: 'another' }).sockets.registration);
    expect(Buffer.byteLength(toy.sockets.registration)).toBeLessThanOrEqual(107);
    await toy.start();
    expect((await kubelet.register(toy.sockets.registration)).name).toBe(names.driverName);
  });

  it('check 9: a directory that is too long by itself is refused by name', () => {
    const pluginDirectory = join(directory, 'x'.repeat(100));
    expect(() => plugin({ pluginDirectory })).toThrow(SocketPathTooLongError);
  });

  it('check 10: a service that is started again is found under the same target', async () => {
    const toy = plugin();
    await toy.start();
    const { endpoint } = await kubelet.register(toy.sockets.registration);
    await kubelet.prepare(endpoint, []);
    await toy.stop();
    await expect(kubelet.prepare(endpoint, [])).rejects.toMatchObject({ code: status.UNAVAILABLE });
    kubelet.close();
    await plugin().start();
    await expect(kubelet.prepare(endpoint, [])).resolves.toEqual({});
  });

  it('check 11: start rejects when a socket cannot be bound, naming it', async () => {
    const toy = plugin();
    mkdirSync(join(directory, 'plugin'));
    writeFileSync(toy.sockets.service, 'not a socket');
    await expect(toy.start()).rejects.toThrow(`${toy.sockets.service} exists and is not a socket`);

    const nowhere = plugin({ pluginDirectory: '/proc/self/fdinfo' });
    await expect(nowhere.start()).rejects.toThrow('/proc/self/fdinfo');
  });

  it('refuses a driver name that the API server would refuse', () => {
    expect(() => plugin({ driverName: 'Not_A_Name' })).toThrow(RangeError);
    expect(() => plugin({ driverName: `${'a'.repeat(64)}` })).toThrow(RangeError);
  });
});

/** Binds a socket and closes the file descriptor without unlinking, as a kill does. */
async function leaveStaleSocket(path: string): Promise<void> {
  mkdirSync(join(path, '..'), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.stale`, resolve));
  renameSync(`${path}.stale`, path);
  await new Promise((resolve) => server.close(resolve));
  expect(lstatSync(path).isSocket()).toBe(true);
}
