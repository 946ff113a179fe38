import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import { DeviceHolds } from '../claims/device-holds.ts';
import { fakeResourceApi, TestKubelet } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import { DraPlugin } from './dra-plugin.ts';
import type { DraPluginOptions } from './dra-plugin.ts';
import type { DraDriver } from './dra-driver.ts';

const idleDriver: DraDriver = {
  prepareClaim: () => Promise.resolve([]),
  unprepareClaim: () => Promise.resolve(),
};

// What the kubelet can tell of a plugin is in ../conformance.
describe('DraPlugin', () => {
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

  function makePlugin(options: Partial<DraPluginOptions> = {}): DraPlugin {
    const plugin = new DraPlugin({
      driverName: 'toys.example.com',
      driver: idleDriver,
      api: fake.api,
      registryDirectory: join(directory, 'registry'),
      pluginDirectory: join(directory, 'plugin'),
      nodeName: 'worker',
      stopGraceMs: 200,
      ...options,
    });
    plugins.push(plugin);
    return plugin;
  }

  /** Creates an allocated claim. */
  function allocate(): ClaimReference {
    const results = [{ request: 'toy', driver: 'toys.example.com', pool: 'worker', device: 'toy-1' }];
    fake.putClaim({
      metadata: { name: 'a', namespace: 'default', uid: 'uid-a' },
      ...{ status: { allocation: { devices: { results } } } },
    });
    return { uid: 'uid-a', namespace: 'default', name: 'a' };
  }

  it.each(['Not_A_Name', 'a'.repeat(64)])(
    'refuses %j as a driver’s name, as the API server would',
    (name) => {
      expect(() => makePlugin({ driverName: name })).toThrow(RangeError);
    },
  );

  it('reports every operation with its duration to the metrics hook', async () => {
    const finished: string[] = [];
    const plugin = makePlugin({
      onRequest: ({ method, claimUID, durationMs, error }) => {
        expect(durationMs).toBeGreaterThan(0);
        finished.push(`${method} ${claimUID} ${error === undefined ? 'ok' : error.name}`);
      },
    });
    await plugin.start();
    const claim = allocate();
    await kubelet.prepare(plugin.sockets.service, [claim]);
    await kubelet.prepare(plugin.sockets.service, [{ ...claim, name: 'missing' }]);
    expect(finished).toEqual(['prepare uid-a ok', 'prepare uid-a ClaimNotFoundError']);
  });

  it('does not begin a call for which the kubelet has stopped waiting when its turn comes', async () => {
    let begin: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => (begin = resolve));
    let waiting: () => void = () => undefined;
    const queued = new Promise<void>((resolve) => (waiting = resolve));
    let prepared = false;
    const prepareClaim = async () => {
      prepared = true;
      return [];
    };
    const finished: (Error | undefined)[] = [];
    const plugin = makePlugin({
      driver: { ...idleDriver, prepareClaim },
      inTurn: async (work) => {
        waiting();
        await turn;
        return work();
      },
      onRequest: ({ error }) => finished.push(error),
    });
    await plugin.start();
    const patience = new AbortController();
    const answer = kubelet.prepare(plugin.sockets.service, [allocate()], { signal: patience.signal });
    await queued;
    patience.abort();
    await expect(answer).rejects.toThrow();
    // The cancellation has a way to go through the socket.
    await delay(100);
    begin();
    await plugin.stop();
    expect([prepared, finished.length, finished[0]?.message]).toEqual([
      ...[false, 1],
      expect.stringContaining('cancelled'),
    ]);
  });

  it.each([
    ['keeps', true, ['uid-a']],
    ['gives back', false, []],
  ])(
    '%s the devices of a claim that failed when the journal has it: %s',
    async (_what, prepared, holders) => {
      const holds = new DeviceHolds();
      const plugin = makePlugin({
        driver: {
          ...idleDriver,
          prepareClaim: () => Promise.reject(new Error('no space left for the CDI spec')),
          isPrepared: () => Promise.resolve(prepared),
        },
        holds,
      });
      await plugin.start();
      const answer = await kubelet.prepare(plugin.sockets.service, [allocate()]);
      expect(answer['uid-a']?.error).toContain('no space left');
      expect(holds.holders({ pool: 'worker', device: 'toy-1' })).toEqual(holders);
    },
  );

  it('stop waits for the calls under way', async () => {
    let finished = false;
    let started: () => void = () => undefined;
    const running = new Promise<void>((resolve) => (started = resolve));
    const prepareClaim = async () => {
      started();
      await delay(100);
      finished = true;
      return [];
    };
    const plugin = makePlugin({ driver: { ...idleDriver, prepareClaim }, stopGraceMs: 5_000 });
    await plugin.start();
    const answer = kubelet.prepare(plugin.sockets.service, [allocate()]);
    await running;
    await plugin.stop();
    expect(finished).toBe(true);
    expect((await answer)['uid-a']?.error).toBe('');
  });
});
