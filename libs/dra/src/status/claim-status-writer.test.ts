import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '../json.ts';
import { fakeResourceApi } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import type { ClaimDeviceStatus } from './claim-device-status.ts';
import { ClaimStatusWriter } from './claim-status-writer.ts';

const driverName = 'toys.example.com';
const claim = { uid: 'uid-a', namespace: 'default', name: 'a' };
const foreign = { driver: 'gpu.example.com', pool: 'x', device: 'gpu', data: { own: true } };

interface StoredClaim {
  readonly metadata: { readonly uid: string };
  readonly status: {
    readonly allocation?: JsonObject;
    readonly devices?: (JsonObject & { conditions?: JsonObject[]; data?: JsonObject })[];
  };
}

function ready(device: string, more: Partial<ClaimDeviceStatus> = {}): ClaimDeviceStatus {
  const condition = { type: 'Ready', status: 'True', reason: 'Attached', message: 'in the pod' } as const;
  return { pool: 'worker', device, conditions: [condition], ...more };
}

describe('ClaimStatusWriter', () => {
  let fake: FakeResourceApi;
  let writer: ClaimStatusWriter;
  let abort: AbortController;
  let running: Promise<void>;
  let errors: Error[];

  beforeEach(async () => {
    fake = await fakeResourceApi();
    errors = [];
    const results = ['toy-1', 'toy-2'].map((device) => ({
      request: 'r',
      driver: driverName,
      pool: 'worker',
      device,
    }));
    const allocation = { devices: { results: [...results, { ...foreign, request: 'g' }] } };
    fake.putClaim({
      metadata: { name: 'a', namespace: 'default', uid: 'uid-a' },
      ...{ status: { allocation, devices: [foreign] } },
    });
    start();
  });
  afterEach(async () => {
    abort.abort();
    await running;
    await fake.stop();
  });

  function start(): void {
    writer = new ClaimStatusWriter({
      api: fake.api,
      driverName,
      backoff: { initialMs: 5, maximumMs: 20 },
      onError: (error) => errors.push(error),
    });
    abort = new AbortController();
    running = writer.run(abort.signal);
  }

  async function write(...devices: ClaimDeviceStatus[]): Promise<void> {
    writer.set(claim, devices);
    await writer.settled();
  }

  const stored = () => fake.claim<StoredClaim>('default', 'a')!;
  const entry = (device: string) => stored().status.devices?.find((one) => one['device'] === device);

  it('applies its entries on the status with its own field manager and leaves those of other drivers', async () => {
    await write(
      ready('toy-1', { data: { speed: 1 }, networkData: { interfaceName: 'net1', ips: ['10.0.0.2/24'] } }),
    );
    const request = fake.writes[0]!;
    expect([request.method, request.path]).toEqual([
      'PATCH',
      '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/a/status',
    ]);
    expect(request.contentType).toBe('application/apply-patch+yaml');
    expect(request.query).toEqual({ fieldManager: driverName, force: 'true' });
    expect(stored().status.devices).toEqual([
      foreign,
      {
        driver: driverName,
        pool: 'worker',
        device: 'toy-1',
        conditions: [
          {
            type: 'Ready',
            status: 'True',
            reason: 'Attached',
            message: 'in the pod',
            lastTransitionTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
          },
        ],
        data: { speed: 1 },
        networkData: { interfaceName: 'net1', ips: ['10.0.0.2/24'] },
      },
    ]);
  });

  it('writes nothing when the claim says it already, also after a restart', async () => {
    await write(ready('toy-1', { data: { b: 1, a: [] } }));
    abort.abort();
    await running;
    start();
    await write(ready('toy-1', { data: { a: [], b: 1 } }));
    expect(fake.writes).toHaveLength(1);
  });

  it('keeps the time of a condition as long as its status stays the same', async () => {
    const at = (lastTransitionTime: string) =>
      ({ type: 'Ready', status: 'True', reason: 'A', message: 'm', lastTransitionTime }) as const;
    await write(ready('toy-1', { conditions: [at('2026-01-01T00:00:00Z')] }));
    await write(
      ready('toy-1', { conditions: [{ type: 'Ready', status: 'True', reason: 'B', message: 'n' }] }),
    );
    expect(entry('toy-1')?.conditions?.[0]).toMatchObject({
      reason: 'B',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    });
    await write(
      ready('toy-1', { conditions: [{ type: 'Ready', status: 'False', reason: 'B', message: 'n' }] }),
    );
    expect(entry('toy-1')?.conditions?.[0]?.['lastTransitionTime']).not.toBe('2026-01-01T00:00:00Z');
  });

  it('set replaces all entries of the driver, clear removes them', async () => {
    await write(ready('toy-1'), ready('toy-2'));
    await write(ready('toy-2'));
    expect(stored().status.devices?.map((one) => one['device'])).toEqual(['gpu', 'toy-2']);
    writer.clear(claim);
    await writer.settled();
    expect(stored().status.devices).toEqual([foreign]);
  });

  it('set returns at once, and only the latest of several statuses is written', async () => {
    for (let i = 0; i < 50; i++) writer.set(claim, [ready('toy-1', { data: { i } })]);
    await delay(1);
    expect(fake.requests).toEqual([]);
    writer.set(claim, [ready('toy-1', { data: { i: 50 } })]);
    await writer.settled();
    expect(entry('toy-1')?.data).toEqual({ i: 50 });
    expect(fake.writes).toHaveLength(1);
  });

  it('what was set before run is written then', async () => {
    const early = new ClaimStatusWriter({ api: fake.api, driverName });
    early.set(claim, [ready('toy-1')]);
    const done = early.run(abort.signal);
    await early.settled();
    expect(entry('toy-1')).toBeDefined();
    abort.abort();
    await done;
  });

  it('spells addresses as the API server wants them, once each, and leaves out what is none', async () => {
    const ips = [
      '2001:DB8:0:0::1/64',
      '2001:db8::1/64',
      '10.0.0.1/24',
      '10.0.0.1',
      '10.0.0.1/33',
      'fe80::1%eth0/64',
      '::1/129',
    ];
    await write(ready('toy-1', { networkData: { ips } }));
    expect(entry('toy-1')?.['networkData']).toEqual({ ips: ['2001:db8::1/64', '10.0.0.1/24'] });
  });

  it('leaves out a device that the claim was not given', async () => {
    await write(ready('toy-1'), ready('toy-9'));
    expect(stored().status.devices?.map((one) => one['device'])).toEqual(['gpu', 'toy-1']);
    expect(errors).toEqual([]);
  });

  it('gives up when the claim is gone or another one has its name', async () => {
    writer.set({ ...claim, name: 'gone' }, [ready('toy-1')]);
    writer.set({ ...claim, uid: 'uid-before' }, [ready('toy-1')]);
    await writer.settled();
    expect(fake.writes).toEqual([]);
    expect(errors).toEqual([]);
  });

  it('a claim re-created between reading and writing is left alone', async () => {
    const { allocation } = stored().status;
    fake.intercept = ({ method }) => {
      if (method === 'PATCH') {
        fake.deleteClaim('default', 'a');
        fake.putClaim({
          metadata: { name: 'a', namespace: 'default', uid: 'uid-new' },
          ...{ status: { allocation } },
        });
      }
      return undefined;
    };
    await write(ready('toy-1'));
    expect(stored().metadata.uid).toBe('uid-new');
    expect(stored().status.devices).toBeUndefined();
  });

  it('writes for four claims at a time', async () => {
    let atOnce = 0;
    let most = 0;
    fake.intercept = async ({ path }) => {
      if (!path.includes('resourceclaims')) return undefined;
      most = Math.max(most, ++atOnce);
      // Long enough for a fifth to come, if one is under way.
      await Promise.all([vi.waitUntil(() => most >= 4, { interval: 1 }), delay(5)]);
      atOnce--;
      return undefined;
    };
    for (let i = 0; i < 30; i++)
      writer.set({ uid: `uid-${i}`, namespace: 'default', name: `n${i}` }, [ready('toy-1')]);
    await writer.settled();
    expect(most).toBe(4);
    expect(fake.requests.filter(({ path }) => path.includes('resourceclaims'))).toHaveLength(30);
  });
});
