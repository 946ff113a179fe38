import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import { DeviceHolds } from '../claims/device-holds.ts';
import type { AnsweredClaim } from '../testing/index.ts';
import { AllocatedClaims } from './allocated-claims.ts';
import { ConformanceRig } from './conformance-rig.ts';
import { ScriptedDriver } from './scripted-driver.ts';

const shares = ['5f0e4a3c-7b1d-4c62-9f38-2a6d1e0b8c41', '9c2b7d16-03ae-4f85-8e5b-d4f71c6a2039'] as const;

describe('claim calls of the kubelet', () => {
  let rig: ConformanceRig;
  let claims: AllocatedClaims;
  let driver: ScriptedDriver;
  let service: string;

  beforeEach(async () => {
    rig = await ConformanceRig.start();
    claims = new AllocatedClaims(rig.admin);
    driver = new ScriptedDriver(join(rig.directory, 'cdi'));
    service = (await rig.startPlugin({ driver })).sockets.service;
  });
  afterEach(() => rig.stop());

  /** The answer for one claim. */
  async function prepare(
    claim: ClaimReference,
    version: 'v1' | 'v1beta1' = 'v1',
  ): Promise<AnsweredClaim | undefined> {
    return (await rig.kubelet.prepare(service, [claim], { version }))[claim.uid];
  }

  async function unprepare(claim: ClaimReference): Promise<string | undefined> {
    return (await rig.kubelet.unprepare(service, [claim]))[claim.uid]?.error;
  }

  const specs = () => readdirSync(join(rig.directory, 'cdi')).map((name) => join(rig.directory, 'cdi', name));

  it('check 12: N claims get N entries', async () => {
    const three = [];
    for (const name of ['a', 'b', 'c']) three.push(await claims.allocate(name, [`toy-${name}`]));
    const uids = three.map(({ uid }) => uid);
    for (const version of ['v1', 'v1beta1'] as const) {
      const prepared = await rig.kubelet.prepare(service, three, { version });
      expect(Object.keys(prepared).sort()).toEqual([...uids].sort());
      expect(prepared[uids[1]!]).toEqual({
        devices: [
          {
            requestNames: ['toy'],
            poolName: 'worker',
            deviceName: 'toy-b',
            cdiDeviceIds: [`toys.example.com/claim=${uids[1]}-toy-b.whole`],
          },
        ],
        error: '',
      });
      const unprepared = await rig.kubelet.unprepare(service, three, { version });
      expect(unprepared).toEqual(Object.fromEntries(uids.map((uid) => [uid, { error: '' }])));
    }
    expect(specs()).toEqual([]);
  });

  it('check 13: prepare twice gives the identical answer and one effect', async () => {
    const claim = await claims.allocate('a', ['toy-1', 'toy-2']);
    const first = await prepare(claim);
    const [file, ...more] = specs();
    const before = statSync(file!, { bigint: true });
    expect(await prepare(claim)).toEqual(first);
    const after = statSync(file!, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
    expect([more, specs()]).toEqual([[], [file]]);
  });

  it('check 14: calls for one claim never overlap, calls for different claims do', async () => {
    const two = [await claims.allocate('a', ['toy-a']), await claims.allocate('b', ['toy-b'])];
    const running = new Map<string, number>();
    const overlaps: string[] = [];
    let together = 0;
    driver.during = async (_method, { uid, name = '' }) => {
      running.set(uid, (running.get(uid) ?? 0) + 1);
      if (running.get(uid) !== 1) overlaps.push(name);
      await delay(20);
      const sum = [...running.values()].reduce((total, count) => total + count, 0);
      together = Math.max(together, sum);
      running.set(uid, 0);
    };
    const calls = [1, 2, 3].flatMap(() => [
      rig.kubelet.prepare(service, two),
      rig.kubelet.unprepare(service, two),
      rig.kubelet.prepare(service, two),
    ]);
    for (const answer of await Promise.all(calls)) {
      expect(Object.values(answer).map(({ error }) => error)).toEqual(['', '']);
    }
    expect([overlaps, together]).toEqual([[], 2]);
  });

  it('check 14: of two claims that want one device at the same time exactly one gets it', async () => {
    const two = [await claims.allocate('a', ['toy-1']), await claims.allocate('b', ['toy-1'])];
    driver.during = () => delay(20);
    const answers = await Promise.all(two.map((claim) => prepare(claim)));
    const errors = answers.map((answer) => answer?.error ?? 'no entry').sort();
    expect(errors[0]).toBe('');
    expect(errors[1]).toContain('Device worker/toy-1 is still in use by the claim with UID');
    expect(specs()).toHaveLength(1);
  });

  it('check 15: a deleted, a re-created and an unallocated claim are errors and leave no state', async () => {
    const gone = await claims.allocate('gone', ['toy-g']);
    await claims.delete('gone');
    const before = await claims.allocate('a', ['toy-a']);
    await claims.delete('a');
    const after = await claims.allocate('a', ['toy-a']);
    const { metadata } = await claims.create('pending', ['toy']);
    const pending = { uid: metadata.uid, namespace: 'default', name: 'pending' };
    const answer = await rig.kubelet.prepare(service, [gone, before, pending]);
    expect(answer[gone.uid]?.error).toContain(`default/gone (UID ${gone.uid}) does not exist any more`);
    expect(answer[before.uid]?.error).toContain(`the API server has UID ${after.uid} under that name`);
    expect(answer[pending.uid]?.error).toContain('is not allocated');
    expect(driver.seen).toEqual([]);
    expect(await driver.specs.list()).toEqual([]);
    // Nothing is held either.
    expect((await prepare(after))?.error).toBe('');
  });

  it('check 16: one bad claim of two has its own error, the other one is prepared', async () => {
    const good = await claims.allocate('good', ['toy-1']);
    const bad = { uid: 'uid-bad', namespace: 'default', name: 'bad' };
    const answer = await rig.kubelet.prepare(service, [bad, good]);
    expect(answer['uid-bad']).toMatchObject({ devices: [], error: expect.stringMatching(/./) });
    expect(answer[good.uid]).toMatchObject({ devices: [{ deviceName: 'toy-1' }], error: '' });
  });

  it('check 16: a driver’s error reaches the kubelet with its causes', async () => {
    const claim = await claims.allocate('a', ['toy-1']);
    driver.during = () => {
      throw new Error('the toy is broken', { cause: new Error('a wheel came off') });
    };
    expect((await prepare(claim))?.error).toBe('the toy is broken: a wheel came off');
  });

  it('check 21: a subrequest is answered by its request’s name', async () => {
    const claim = await claims.allocate('a', [{ device: 'toy-1', request: 'toy/big' }]);
    expect((await prepare(claim))?.devices[0]?.requestNames).toEqual(['toy']);
    expect(driver.seen[0]?.devices[0]?.request).toBe('toy/big');
  });

  it('check 22: two shares of a device go to two claims, or to one; v1beta1 omits the share id', async () => {
    const [one, two] = shares.map((shareID) => ({ device: 'toy-1', shareID }));
    const first = await claims.allocate('a', [one!]);
    const second = await claims.allocate('b', [two!]);
    expect((await prepare(first))?.devices[0]?.shareId).toBe(shares[0]);
    expect((await prepare(second))?.devices[0]?.shareId).toBe(shares[1]);
    const old = await prepare(first, 'v1beta1');
    expect(old?.devices).toEqual([
      {
        requestNames: ['toy'],
        poolName: 'worker',
        deviceName: 'toy-1',
        cdiDeviceIds: [`toys.example.com/claim=${first.uid}-toy-1.${shares[0]}`],
      },
    ]);
    for (const claim of [first, second]) expect(await unprepare(claim)).toBe('');
    const both = await prepare(await claims.allocate('c', [one!, two!]));
    expect(both?.devices.map(({ deviceName, shareId }) => [deviceName, shareId])).toEqual([
      ['toy-1', shares[0]],
      ['toy-1', shares[1]],
    ]);
  });

  it('check 23: a device that another claim holds is refused until that one is unprepared', async () => {
    const [first, second] = [await claims.allocate('a', ['toy-1']), await claims.allocate('b', ['toy-1'])];
    await prepare(first);
    expect((await prepare(second))?.error).toBe(
      `Device worker/toy-1 is still in use by the claim with UID ${first.uid}; it becomes free when the pods using that claim are gone`,
    );
    expect(await unprepare(first)).toBe('');
    expect((await prepare(second))?.error).toBe('');
  });

  it('check 23: holds that the driver restored from its journal count', async () => {
    const holds = new DeviceHolds();
    holds.hold('uid-earlier', [{ pool: 'worker', device: 'toy-1', adminAccess: false }]);
    service = (await rig.startPlugin({ driver, holds, podUID: 'restarted' })).sockets.service;
    expect((await prepare(await claims.allocate('b', ['toy-1'])))?.error).toContain('UID uid-earlier');
  });

  it('check 24: admin access to a device in use is granted and does not take the device', async () => {
    const admin = { device: 'toy-1', adminAccess: true };
    const [early, user, late] = [
      await claims.allocate('early', [admin]),
      await claims.allocate('user', ['toy-1']),
      await claims.allocate('late', [admin]),
    ];
    for (const claim of [early, user, late]) expect((await prepare(claim))?.error).toBe('');
    expect(driver.seen.map(({ devices }) => devices[0]?.adminAccess)).toEqual([true, false, true]);
    // Nor does the end of such a claim free it.
    expect(await unprepare(early)).toBe('');
    expect((await prepare(await claims.allocate('other', ['toy-1'])))?.error).toContain(user.uid);
  });

  it('check 25: a cancelled prepare is told so, and the next one converges', async () => {
    const claim = await claims.allocate('a', ['toy-1']);
    let started: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (started = resolve));
    driver.during = async (_method, _claim, signal) => {
      started();
      await delay(10_000, undefined, { signal });
    };
    const abort = new AbortController();
    const cancelled = rig.kubelet.prepare(service, [claim], { signal: abort.signal });
    await running;
    abort.abort();
    await expect(cancelled).rejects.toMatchObject({ details: 'Cancelled on client' });
    driver.during = () => Promise.resolve();
    expect((await prepare(claim))?.error).toBe('');
    expect(specs()).toHaveLength(1);
    // The failed attempt must not have kept the device from the claim's successor either.
    await unprepare(claim);
    expect((await prepare(await claims.allocate('b', ['toy-1'])))?.error).toBe('');
  });

  it('check 25: a device whose preparation failed is free for another claim', async () => {
    driver.during = () => Promise.reject(new Error('broken'));
    expect((await prepare(await claims.allocate('a', ['toy-1'])))?.error).toBe('broken');
    driver.during = () => Promise.resolve();
    expect((await prepare(await claims.allocate('b', ['toy-1'])))?.error).toBe('');
  });

  it('check 26: an unknown claim is unprepared with success', async () => {
    expect(await unprepare({ uid: 'uid-x', namespace: 'default', name: 'x' })).toBe('');
  });

  it('check 27: unprepare after the claim’s deletion asks the API server nothing', async () => {
    const claim = await claims.allocate('a', ['toy-1']);
    await prepare(claim);
    await claims.delete('a');
    const before = rig.driverRequests.length;
    expect(before).toBeGreaterThan(0);
    expect(await unprepare(claim)).toBe('');
    expect(rig.driverRequests).toHaveLength(before);
    expect(specs()).toEqual([]);
  });

  it('check 28: a failed unprepare is an error, keeps the device, and works when repeated', async () => {
    const [claim, other] = [await claims.allocate('a', ['toy-1']), await claims.allocate('b', ['toy-1'])];
    await prepare(claim);
    driver.during = (method) =>
      method === 'unprepare' ? Promise.reject(new Error('busy')) : Promise.resolve();
    expect(await unprepare(claim)).toBe('busy');
    expect((await prepare(other))?.error).toContain('still in use');
    driver.during = () => Promise.resolve();
    expect(await unprepare(claim)).toBe('');
    expect((await prepare(other))?.error).toBe('');
  });

  it('check 30: a lost CDI file is written again by the next prepare', async () => {
    const claim = await claims.allocate('a', ['toy-1']);
    const first = await prepare(claim);
    const [file = ''] = specs();
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    expect(await prepare(claim)).toEqual(first);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('check 31: a claim of the same name with a new UID leaves the old one’s state alone', async () => {
    const old = await claims.allocate('a', ['toy-1']);
    await prepare(old);
    await claims.delete('a');
    const successor = await claims.allocate('a', ['toy-2']);
    expect((await prepare(successor))?.error).toBe('');
    expect(await driver.specs.list()).toEqual([old.uid, successor.uid].sort());
    expect(await unprepare(old)).toBe('');
    expect(await driver.specs.list()).toEqual([successor.uid]);
  });
});
