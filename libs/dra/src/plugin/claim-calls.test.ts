import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CdiSpecStore } from '../cdi/cdi-spec-store.ts';
import type { AllocatedClaim, ClaimReference } from '../claims/allocated-claim.ts';
import { DeviceHolds } from '../claims/device-holds.ts';
import { fakeResourceApi, TestKubelet } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import { DraPlugin } from './dra-plugin.ts';
import type { DraPluginOptions } from './dra-plugin.ts';
import type { DraDriver, PreparedDevice } from './dra-driver.ts';

const driverName = 'toys.example.com';

/** Prepares claims by writing a CDI specification each; that file is its whole state. */
class ToyDriver implements DraDriver {
  readonly store: CdiSpecStore;
  readonly seen: AllocatedClaim[] = [];
  /** Runs in the middle of every call. */
  during: (method: string, uid: string, signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  constructor(directory: string) {
    this.store = new CdiSpecStore({ directory, vendor: driverName, class: 'claim' });
  }

  async prepareClaim(claim: AllocatedClaim, signal: AbortSignal): Promise<PreparedDevice[]> {
    this.seen.push(claim);
    await this.during('prepare', claim.uid, signal);
    const edits = claim.devices.map(({ device }) => ({
      name: device,
      containerEdits: { env: [`TOY=${device}`] },
    }));
    const ids = await this.store.write(claim.uid, edits);
    return claim.devices.map(({ request, pool, device, shareId }, index) => ({
      requestNames: [request],
      poolName: pool,
      deviceName: device,
      cdiDeviceIds: ids.slice(index, index + 1),
      ...(shareId === undefined ? {} : { shareId }),
    }));
  }

  async unprepareClaim(claim: ClaimReference, signal: AbortSignal): Promise<void> {
    await this.during('unprepare', claim.uid, signal);
    await this.store.remove(claim.uid);
  }

  async isPrepared(claimUID: string): Promise<boolean> {
    return (await this.store.list()).includes(claimUID);
  }
}

describe('claim calls of the kubelet', () => {
  let directory: string;
  let fake: FakeResourceApi;
  let kubelet: TestKubelet;
  let driver: ToyDriver;
  let service: string;
  const plugins: DraPlugin[] = [];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dra-'));
    fake = await fakeResourceApi();
    kubelet = new TestKubelet();
    driver = new ToyDriver(join(directory, 'cdi'));
    service = (await startPlugin()).sockets.service;
  });

  afterEach(async () => {
    kubelet.close();
    for (const plugin of plugins.splice(0)) await plugin.stop();
    await fake.stop();
    rmSync(directory, { recursive: true });
  });

  async function startPlugin(overrides: Partial<DraPluginOptions> = {}): Promise<DraPlugin> {
    const plugin = new DraPlugin({
      driverName,
      driver,
      api: fake.api,
      registryDirectory: join(directory, 'registry'),
      pluginDirectory: join(directory, 'plugin'),
      nodeName: 'worker',
      stopGraceMs: 200,
      ...overrides,
    });
    plugins.push(plugin);
    await plugin.start();
    return plugin;
  }

  /** Creates an allocated claim in the API server and returns its reference. */
  function allocate(name: string, devices: readonly string[], more: object = {}): ClaimReference {
    const results = devices.map((device) => ({
      request: 'toy',
      driver: driverName,
      pool: 'worker',
      device,
      ...more,
    }));
    fake.putClaim({
      metadata: { name, namespace: 'default', uid: `uid-${name}` },
      ...{ status: { allocation: { devices: { results } } } },
    });
    return { uid: `uid-${name}`, namespace: 'default', name };
  }

  const specs = () => readdirSync(join(directory, 'cdi')).filter((name) => name.endsWith('.json'));

  it('check 12: N claims get N entries', async () => {
    const claims = ['a', 'b', 'c'].map((name) => allocate(name, [`toy-${name}`]));
    const prepared = await kubelet.prepare(service, claims);
    expect(Object.keys(prepared).sort()).toEqual(['uid-a', 'uid-b', 'uid-c']);
    expect(prepared['uid-b']).toEqual({
      devices: [
        {
          requestNames: ['toy'],
          poolName: 'worker',
          deviceName: 'toy-b',
          cdiDeviceIds: ['toys.example.com/claim=uid-b-toy-b'],
        },
      ],
      error: '',
    });
    const unprepared = await kubelet.unprepare(service, claims);
    expect(unprepared).toEqual({ 'uid-a': { error: '' }, 'uid-b': { error: '' }, 'uid-c': { error: '' } });
    expect(specs()).toEqual([]);
  });

  it('check 13: prepare twice gives the identical answer and one effect', async () => {
    const claim = allocate('a', ['toy-1', 'toy-2']);
    const first = await kubelet.prepare(service, [claim]);
    const file = join(directory, 'cdi', specs()[0]!);
    const before = statSync(file, { bigint: true });
    expect(await kubelet.prepare(service, [claim])).toEqual(first);
    const after = statSync(file, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    expect(specs()).toHaveLength(1);
  });

  it('check 14: calls for one claim never overlap, calls for different claims do', async () => {
    const claims = [allocate('a', ['toy-a']), allocate('b', ['toy-b'])];
    const running = new Map<string, number>();
    let together = 0;
    driver.during = async (_method, uid) => {
      running.set(uid, (running.get(uid) ?? 0) + 1);
      expect(running.get(uid)).toBe(1);
      await delay(20);
      together = Math.max(
        together,
        [...running.values()].reduce((sum, count) => sum + count, 0),
      );
      running.set(uid, 0);
    };
    const calls = [1, 2, 3].flatMap(() => [
      kubelet.prepare(service, claims),
      kubelet.unprepare(service, claims),
      kubelet.prepare(service, claims),
    ]);
    for (const answer of await Promise.all(calls)) {
      expect(Object.values(answer).map(({ error }) => error)).toEqual(['', '']);
    }
    expect(together).toBe(2);
  });

  it('check 14: of two claims that want one device at the same time exactly one gets it', async () => {
    const claims = [allocate('a', ['toy-1']), allocate('b', ['toy-1'])];
    driver.during = () => delay(20);
    const answers = await Promise.all(claims.map((claim) => kubelet.prepare(service, [claim])));
    const errors = answers.flatMap((answer) => Object.values(answer).map(({ error }) => error)).sort();
    expect(errors[0]).toBe('');
    expect(errors[1]).toContain('Device worker/toy-1 is still in use by the claim with UID uid-');
    expect(specs()).toHaveLength(1);
  });

  it('check 15: a deleted, a re-created and an unallocated claim are errors and leave no state', async () => {
    const gone = { uid: 'uid-gone', namespace: 'default', name: 'gone' };
    const replaced = { ...allocate('a', ['toy-a']), uid: 'uid-before' };
    fake.putClaim({ metadata: { name: 'pending', namespace: 'default', uid: 'uid-pending' } });
    const pending = { uid: 'uid-pending', namespace: 'default', name: 'pending' };
    const answer = await kubelet.prepare(service, [gone, replaced, pending]);
    expect(answer['uid-gone']?.error).toContain('default/gone (UID uid-gone) does not exist any more');
    expect(answer['uid-before']?.error).toContain('the API server has UID uid-a under that name');
    expect(answer['uid-pending']?.error).toContain('is not allocated');
    expect(driver.seen).toEqual([]);
    expect(await driver.store.list()).toEqual([]);
  });

  it('check 16: one bad claim of two has its own error, the other one is prepared', async () => {
    const good = allocate('good', ['toy-1']);
    const bad = { uid: 'uid-bad', namespace: 'default', name: 'bad' };
    const answer = await kubelet.prepare(service, [bad, good]);
    expect(answer['uid-bad']?.devices).toEqual([]);
    expect(answer['uid-bad']?.error).not.toBe('');
    expect(answer['uid-good']?.error).toBe('');
    expect(answer['uid-good']?.devices).toHaveLength(1);
  });

  it('check 16: a driver’s error reaches the kubelet with its causes', async () => {
    const claim = allocate('a', ['toy-1']);
    driver.during = () => {
      throw new Error('the toy is broken', { cause: new Error('a wheel came off') });
    };
    const answer = await kubelet.prepare(service, [claim]);
    expect(answer['uid-a']?.error).toBe('the toy is broken: a wheel came off');
  });

  it('check 21: a subrequest is answered by its request’s name', async () => {
    const claim = allocate('a', ['toy-1'], { request: 'toy/big' });
    const answer = await kubelet.prepare(service, [claim]);
    expect(answer['uid-a']?.devices[0]?.requestNames).toEqual(['toy']);
    expect(driver.seen[0]?.devices[0]?.request).toBe('toy/big');
  });

  it('check 22: two shares of a device go to two claims; v1beta1 omits the share id', async () => {
    const first = allocate('a', ['toy-1'], { shareID: 'share-1' });
    const second = allocate('b', ['toy-1'], { shareID: 'share-2' });
    const v1 = await kubelet.prepare(service, [first, second]);
    expect(v1['uid-a']?.devices[0]?.shareId).toBe('share-1');
    expect(v1['uid-b']?.devices[0]?.shareId).toBe('share-2');
    const v1beta1 = await kubelet.prepare(service, [first, second], { version: 'v1beta1' });
    expect(v1beta1['uid-a']?.devices[0]).toEqual({
      requestNames: ['toy'],
      poolName: 'worker',
      deviceName: 'toy-1',
      cdiDeviceIds: ['toys.example.com/claim=uid-a-toy-1'],
    });
  });

  it('check 23: a device that another claim holds is refused until that one is unprepared', async () => {
    const [first, second] = [allocate('a', ['toy-1']), allocate('b', ['toy-1'])];
    await kubelet.prepare(service, [first]);
    const refused = await kubelet.prepare(service, [second]);
    expect(refused['uid-b']?.error).toBe(
      'Device worker/toy-1 is still in use by the claim with UID uid-a; it becomes free when the pods using that claim are gone',
    );
    await kubelet.unprepare(service, [first]);
    expect((await kubelet.prepare(service, [second]))['uid-b']?.error).toBe('');
  });

  it('check 23: holds that the driver restored from its journal count', async () => {
    const holds = new DeviceHolds();
    holds.hold('uid-earlier', [{ pool: 'worker', device: 'toy-1', adminAccess: false }]);
    await driver.store.write('uid-earlier', [{ name: 'toy-1', containerEdits: { env: ['A=1'] } }]);
    const restarted = await startPlugin({ holds, podUid: 'restarted' });
    const answer = await kubelet.prepare(restarted.sockets.service, [allocate('b', ['toy-1'])]);
    expect(answer['uid-b']?.error).toContain('UID uid-earlier');
  });

  it('check 24: admin access to a device in use is granted and does not take the device', async () => {
    const admin = allocate('admin', ['toy-1'], { adminAccess: true });
    expect((await kubelet.prepare(service, [admin]))['uid-admin']?.error).toBe('');
    const [user, second] = [allocate('user', ['toy-1']), allocate('late', ['toy-1'], { adminAccess: true })];
    expect((await kubelet.prepare(service, [user]))['uid-user']?.error).toBe('');
    expect((await kubelet.prepare(service, [second]))['uid-late']?.error).toBe('');
    expect(driver.seen.map(({ devices }) => devices[0]?.adminAccess)).toEqual([true, false, true]);
  });

  it('check 25: a cancelled prepare is told so, and the next one converges', async () => {
    const claim = allocate('a', ['toy-1']);
    let started: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (started = resolve));
    driver.during = async (_method, _uid, signal) => {
      started();
      await delay(10_000, undefined, { signal });
    };
    const abort = new AbortController();
    const cancelled = kubelet.prepare(service, [claim], { signal: abort.signal });
    await running;
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ details: 'Cancelled on client' });
    driver.during = () => Promise.resolve();
    const answer = await kubelet.prepare(service, [claim]);
    expect(answer['uid-a']?.error).toBe('');
    expect(specs()).toHaveLength(1);
    // The failed attempt must not have kept the device from the claim's successor either.
    await kubelet.unprepare(service, [claim]);
    expect((await kubelet.prepare(service, [allocate('b', ['toy-1'])]))['uid-b']?.error).toBe('');
  });

  it('check 25: a device whose preparation failed is free for another claim', async () => {
    const failing: DraDriver = {
      prepareClaim: ({ uid }) =>
        uid === 'uid-a' ? Promise.reject(new Error('broken')) : Promise.resolve([]),
      unprepareClaim: () => Promise.resolve(),
    };
    const plugin = await startPlugin({ driver: failing, podUid: 'failing' });
    const first = await kubelet.prepare(plugin.sockets.service, [allocate('a', ['toy-1'])]);
    expect(first['uid-a']?.error).toBe('broken');
    const second = await kubelet.prepare(plugin.sockets.service, [allocate('b', ['toy-1'])]);
    expect(second['uid-b']?.error).toBe('');
  });

  it('check 26: an unknown claim is unprepared with success', async () => {
    const answer = await kubelet.unprepare(service, [{ uid: 'uid-x', namespace: 'default', name: 'x' }]);
    expect(answer).toEqual({ 'uid-x': { error: '' } });
  });

  it('check 27: unprepare after the claim’s deletion asks the API server nothing', async () => {
    const claim = allocate('a', ['toy-1']);
    await kubelet.prepare(service, [claim]);
    fake.deleteClaim('default', 'a');
    const before = fake.requests.length;
    expect(await kubelet.unprepare(service, [claim])).toEqual({ 'uid-a': { error: '' } });
    expect(fake.requests).toHaveLength(before);
    expect(specs()).toEqual([]);
  });

  it('check 28: a failed unprepare is an error, keeps the device, and works when repeated', async () => {
    const claim = allocate('a', ['toy-1']);
    await kubelet.prepare(service, [claim]);
    driver.during = (method) =>
      method === 'unprepare' ? Promise.reject(new Error('busy')) : Promise.resolve();
    expect(await kubelet.unprepare(service, [claim])).toEqual({ 'uid-a': { error: 'busy' } });
    const other = await kubelet.prepare(service, [allocate('b', ['toy-1'])]);
    expect(other['uid-b']?.error).toContain('still in use');
    driver.during = () => Promise.resolve();
    expect(await kubelet.unprepare(service, [claim])).toEqual({ 'uid-a': { error: '' } });
  });

  it('check 8: either of two instances unprepares what the other prepared', async () => {
    const second = await startPlugin({ podUid: 'second' });
    const claim = allocate('a', ['toy-1']);
    await kubelet.prepare(service, [claim]);
    expect(await kubelet.unprepare(second.sockets.service, [claim])).toEqual({ 'uid-a': { error: '' } });
    // The first instance still believes in its hold until it asks the journal.
    const answer = await kubelet.prepare(service, [allocate('b', ['toy-1'])]);
    expect(answer['uid-b']?.error).toBe('');
  });

  it('check 30: a lost CDI file is written again by the next prepare', async () => {
    const claim = allocate('a', ['toy-1']);
    const first = await kubelet.prepare(service, [claim]);
    const file = join(directory, 'cdi', specs()[0]!);
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    expect(await kubelet.prepare(service, [claim])).toEqual(first);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('check 31: a claim of the same name with a new UID leaves the old one’s state alone', async () => {
    const old = allocate('a', ['toy-1']);
    await kubelet.prepare(service, [old]);
    fake.deleteClaim('default', 'a');
    const results = [{ request: 'toy', driver: driverName, pool: 'worker', device: 'toy-2' }];
    fake.putClaim({
      metadata: { name: 'a', namespace: 'default', uid: 'uid-new' },
      ...{ status: { allocation: { devices: { results } } } },
    });
    expect((await kubelet.prepare(service, [{ ...old, uid: 'uid-new' }]))['uid-new']?.error).toBe('');
    expect(await driver.store.list()).toEqual(['uid-a', 'uid-new']);
    await kubelet.unprepare(service, [old]);
    expect(await driver.store.list()).toEqual(['uid-new']);
  });

  it('reports every operation with its duration to the metrics hook', async () => {
    const finished: string[] = [];
    const plugin = await startPlugin({
      podUid: 'metrics',
      onRequest: ({ method, claimUID, durationMs, error }) => {
        expect(durationMs).toBeGreaterThan(0);
        finished.push(`${method} ${claimUID} ${error === undefined ? 'ok' : error.name}`);
      },
    });
    const claim = allocate('a', ['toy-1']);
    await kubelet.prepare(plugin.sockets.service, [claim]);
    await kubelet.prepare(plugin.sockets.service, [{ ...claim, name: 'missing' }]);
    expect(finished).toEqual(['prepare uid-a ok', 'prepare uid-a ClaimNotFoundError']);
  });

  it('stop waits for the calls under way', async () => {
    const claim = allocate('a', ['toy-1']);
    const plugin = await startPlugin({ podUid: 'stopping', stopGraceMs: 5_000 });
    let started: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (started = resolve));
    driver.during = async () => {
      started();
      await delay(100);
      writeFileSync(join(directory, 'finished'), '');
    };
    const answer = kubelet.prepare(plugin.sockets.service, [claim]);
    await running;
    await plugin.stop();
    expect(readdirSync(directory)).toContain('finished');
    expect((await answer)['uid-a']?.error).toBe('');
  });
});
