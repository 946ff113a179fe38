import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { pause } from '@patchbay/lab';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SocketPathBlockedError } from '../plugin/grpc-socket.ts';
import { SocketPathTooLongError } from '../plugin/socket-paths.ts';
import { AllocatedClaims } from './allocated-claims.ts';
import { ConformanceRig, driverName } from './conformance-rig.ts';
import { ToyProcess } from './toy-process.ts';

const seconds = 1_000;
/** How long a driver may be away before the kubelet of these checks deletes its slices. */
const wipeDelayMs = 2 * seconds;

describe('registration with the kubelet', () => {
  let rig: ConformanceRig;
  beforeEach(async () => {
    rig = await ConformanceRig.start();
  });
  afterEach(() => rig.stop());

  const below = (...names: readonly string[]) => join(rig.directory, ...names);

  it('check 1: start serves two sockets, the service before the registration', async () => {
    mkdirSync(below('registry'));
    const { sockets } = rig.makePlugin();
    expect(sockets).toEqual({
      registration: below('registry/toys.example.com-reg.sock'),
      service: below('plugin/dra.sock'),
    });
    // What a kubelet finds that looks as soon as a name appears in its registry.
    const found: boolean[] = [];
    const watcher = watch(below('registry'), (_event, name) => {
      if (name === 'toys.example.com-reg.sock') found.push(existsSync(sockets.service));
    });
    await rig.startPlugin();
    await expect.poll(() => found).toEqual(expect.arrayContaining([true]));
    watcher.close();
    expect(found).not.toContain(false);
    expect([lstatSync(sockets.registration).isSocket(), lstatSync(sockets.service).isSocket()]).toEqual([
      true,
      true,
    ]);
    expect(readdirSync(below('registry'))).toEqual(['toys.example.com-reg.sock']);
  });

  it('check 1: where the registration cannot be served, the service is not left behind', async () => {
    const plugin = rig.makePlugin();
    mkdirSync(plugin.sockets.registration, { recursive: true });
    await expect(plugin.start()).rejects.toBeInstanceOf(SocketPathBlockedError);
    expect(existsSync(plugin.sockets.service)).toBe(false);
  });

  it('check 2: GetInfo names the driver, the service socket and both versions, v1 first', async () => {
    const plugin = await rig.startPlugin();
    expect(await rig.kubelet.getInfo(plugin.sockets.registration)).toEqual({
      type: 'DRAPlugin',
      name: driverName,
      endpoint: plugin.sockets.service,
      supportedVersions: ['v1.DRAPlugin', 'v1beta1.DRAPlugin'],
    });
    expect(plugin.registered).toBe(false);
    await rig.kubelet.notify(plugin.sockets.registration, true);
    expect(plugin.registered).toBe(true);
  });

  it('check 3: the wire names resolve, the registered names are unimplemented', async () => {
    const { service } = (await rig.startPlugin()).sockets;
    for (const version of ['v1', 'v1beta1']) {
      for (const method of ['NodePrepareResources', 'NodeUnprepareResources']) {
        const registered = `/${version}.DRAPlugin/${method}`;
        const wire = `/k8s.io.kubelet.pkg.apis.dra.${version}.DRAPlugin/${method}`;
        await expect(rig.kubelet.callRaw(service, wire)).resolves.toHaveLength(0);
        const unknown = { code: status.UNIMPLEMENTED };
        await expect(rig.kubelet.callRaw(service, registered)).rejects.toMatchObject(unknown);
      }
    }
  });

  it('check 4: a refused registration is answered with an error and can be repeated', async () => {
    const verdicts: unknown[] = [];
    const plugin = await rig.startPlugin({ onRegistration: (verdict) => verdicts.push(verdict) });
    const { registration } = plugin.sockets;
    await expect(rig.kubelet.notify(registration, false, 'version too old')).rejects.toMatchObject({
      code: status.FAILED_PRECONDITION,
      details: 'The kubelet refused the registration: version too old',
    });
    expect(plugin.registered).toBe(false);
    await rig.kubelet.register(registration);
    expect(plugin.registered).toBe(true);
    expect(verdicts).toEqual([{ registered: false, error: 'version too old' }, { registered: true }]);
  });

  it('check 5: a driver whose GetInfo failed once is asked again and registers', async () => {
    const { sockets } = await rig.startPlugin({ registryDirectory: below('hidden') });
    mkdirSync(below('registry'));
    const calls: Socket[] = [];
    const door = createServer((call) => {
      call.on('error', () => undefined);
      if (calls.push(call) === 1) call.destroy();
      else call.pipe(connect(sockets.registration)).pipe(call);
    });
    await new Promise<void>((resolve) => door.listen(below('registry/toys.example.com-reg.sock'), resolve));
    rig.onStop(async () => {
      for (const call of calls) call.destroy();
      await new Promise((resolve) => door.close(resolve));
    });
    const kubelet = await rig.startKubelet(below('registry'));
    const registered = await kubelet.pluginRegistered(driverName);
    expect(registered).toMatchObject({ endpoint: sockets.service, service: 'v1.DRAPlugin' });
    expect(kubelet.refusedRegistrations).toMatchObject([
      { message: expect.stringContaining('failed to get plugin info') },
    ]);
  });

  it('check 6: stale socket files of a killed process are replaced', async () => {
    const toys = new ToyProcess(rig);
    for (const path of [toys.service, toys.registration]) await leaveStaleSocket(path);
    await toys.start();
    expect((await rig.kubelet.register(toys.registration)).endpoint).toBe(toys.service);
  });

  it('check 7: SIGTERM removes the own sockets and nothing else, and the process ends well', async () => {
    const toys = new ToyProcess(rig);
    await toys.start();
    const foreign = below('plugins_registry/other.example.com-reg.sock');
    await leaveStaleSocket(foreign);
    expect(await toys.stop()).toEqual({ code: 0, signal: null, complaint: '' });
    expect(readdirSync(dirname(toys.registration))).toEqual(['other.example.com-reg.sock']);
    expect(readdirSync(dirname(toys.service))).toEqual([]);
  });

  it('check 7: the sockets that a successor has put in the same place are left alone', async () => {
    const old = await rig.startPlugin();
    const successor = await rig.startPlugin();
    await old.stop();
    const info = await rig.kubelet.register(successor.sockets.registration);
    expect(info.endpoint).toBe(successor.sockets.service);
    expect(await rig.kubelet.prepare(info.endpoint, [])).toEqual({});
  });

  it('check 8: two pod UIDs give four sockets, and either process unprepares what the other prepared', async () => {
    const [old, young] = [new ToyProcess(rig, 'uid-old'), new ToyProcess(rig, 'uid-young')];
    old.addToys('car', 'train');
    await Promise.all([old.start(), young.start()]);
    expect(readdirSync(dirname(old.registration)).sort()).toEqual([
      'toys.example.com-uid-old-reg.sock',
      'toys.example.com-uid-young-reg.sock',
    ]);
    expect(readdirSync(dirname(old.service)).sort()).toEqual(['dra-uid-old.sock', 'dra-uid-young.sock']);

    const claims = new AllocatedClaims(rig.admin);
    const [car, train] = [await claims.allocate('car', ['car']), await claims.allocate('train', ['train'])];
    await rig.kubelet.prepare(old.service, [car]);
    await rig.kubelet.prepare(young.service, [train]);
    expect(Object.keys(old.specs())).toHaveLength(2);
    expect(await rig.kubelet.unprepare(young.service, [car])).toEqual({ [car.uid]: { error: '' } });
    expect(await rig.kubelet.unprepare(old.service, [train])).toEqual({ [train.uid]: { error: '' } });
    expect(old.specs()).toEqual({});
    // Each instance knows what the other one did.
    const next = await claims.allocate('next', ['car', 'train']);
    expect((await rig.kubelet.prepare(old.service, [next]))[next.uid]?.error).toBe('');
    await old.stop();
    const refused = await rig.kubelet.prepare(young.service, [car]);
    expect(refused[car.uid]?.error).toContain(`still in use by the claim with UID ${next.uid}`);
    expect(existsSync(young.registration)).toBe(true);
  });

  it('check 9: long names fall back to a deterministic path that fits', async () => {
    const names = {
      driverName: `${'long-'.repeat(10)}name.example`,
      podUID: '0b9e7cf2-5d3c-4a3e-9a36-8f1f4b7b0f7e',
      registryDirectory: below('a-registry-directory-somewhere'),
    };
    const plugin = rig.makePlugin(names);
    expect(plugin.sockets).toEqual(rig.makePlugin(names).sockets);
    const another = rig.makePlugin({ ...names, podUID: 'another' }).sockets.registration;
    expect(plugin.sockets.registration).not.toBe(another);
    expect(Buffer.byteLength(plugin.sockets.registration)).toBeLessThanOrEqual(107);
    await plugin.start();
    expect((await rig.kubelet.register(plugin.sockets.registration)).name).toBe(names.driverName);
  });

  it('check 9: a directory that is too long by itself is refused by name', () => {
    const pluginDirectory = below('x'.repeat(100));
    expect(() => rig.makePlugin({ pluginDirectory })).toThrow(SocketPathTooLongError);
  });

  it('check 10: a service that is killed and started again is reached over the same channel', async () => {
    const toys = new ToyProcess(rig);
    await toys.start();
    const { endpoint } = await rig.kubelet.register(toys.registration);
    expect(await rig.kubelet.prepare(endpoint, [])).toEqual({});
    await toys.kill();
    const unavailable = { code: status.UNAVAILABLE };
    await expect(rig.kubelet.prepare(endpoint, [])).rejects.toMatchObject(unavailable);
    toys.launch();
    const answer = () => rig.kubelet.prepare(endpoint, []).catch(() => undefined);
    await expect.poll(answer, { timeout: 15 * seconds }).toEqual({});
  });

  it('check 10: the kubelet keeps the registration, and the slices, of a service that comes back alone', async () => {
    const toys = new ToyProcess(rig);
    toys.addToys('car');
    const kubelet = await rig.startKubelet(dirname(toys.registration), { times: { wipeDelayMs } });
    await toys.start();
    const registered = await kubelet.pluginRegistered(driverName);
    await expect.poll(() => rig.slices().length, { timeout: 5 * seconds }).toBe(1);
    await toys.kill();
    await rig.startPlugin({ pluginDirectory: dirname(toys.service), registryDirectory: below('hidden') });
    await pause(wipeDelayMs + seconds);
    expect(kubelet.plugins).toEqual([registered]);
    expect(rig.slices()).toHaveLength(1);
  });

  it('check 11: a process that cannot serve ends with an error that names the socket', async () => {
    const toys = new ToyProcess(rig);
    for (const path of [toys.service, toys.registration]) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, 'not a socket');
      toys.launch();
      const { code, complaint } = await toys.exit();
      expect(code).toBe(1);
      expect(complaint).toContain(`${path} exists and is not a socket`);
      rmSync(path);
    }
    await toys.start();
  });
});

/** Binds a socket and closes the file descriptor without unlinking, as a kill does. */
async function leaveStaleSocket(path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.stale`, resolve));
  renameSync(`${path}.stale`, path);
  await new Promise((resolve) => server.close(resolve));
  expect(lstatSync(path).isSocket()).toBe(true);
}
