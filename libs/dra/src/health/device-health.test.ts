import { mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DraPlugin } from '../plugin/dra-plugin.ts';
import { fakeResourceApi, TestKubelet } from '../testing/index.ts';
import type { AnsweredHealth, FakeResourceApi } from '../testing/index.ts';
import { DeviceHealthFeed } from './device-health-feed.ts';

describe('device health', () => {
  let directory: string;
  let fake: FakeResourceApi;
  let kubelet: TestKubelet;
  let plugin: DraPlugin;
  let feed: DeviceHealthFeed;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'dra-'));
    fake = await fakeResourceApi();
    kubelet = new TestKubelet();
    feed = new DeviceHealthFeed({ timeoutSeconds: 0.15 });
    plugin = new DraPlugin({
      driverName: 'toys.example.com',
      driver: { prepareClaim: () => Promise.resolve([]), unprepareClaim: () => Promise.resolve() },
      api: fake.api,
      registryDirectory: directory,
      pluginDirectory: directory,
      nodeName: 'worker',
      health: feed,
    });
    await plugin.start();
  });
  afterEach(async () => {
    kubelet.close();
    await plugin.stop();
    await fake.stop();
    rmSync(directory, { recursive: true });
  });

  it('is announced only when the driver reports it', async () => {
    expect((await kubelet.getInfo(plugin.sockets.registration)).supportedVersions).toEqual([
      'v1.DRAPlugin',
      'v1beta1.DRAPlugin',
      'v1.DRAResourceHealth',
      'v1alpha1.DRAResourceHealth',
    ]);
  });

  it.each(['v1', 'v1alpha1'] as const)(
    'check 48: %s sends the list at once, on change and again in time',
    async (version) => {
      feed.report([{ pool: 'p', device: 'd', health: 'healthy', message: 'x'.repeat(2000) }]);
      const stream = kubelet.watchHealth(plugin.sockets.service, version);
      const received: AnsweredHealth[] = [];
      stream.on('data', (message: AnsweredHealth) => received.push(message));
      stream.on('error', () => undefined);
      await once(stream, 'data');
      expect(received[0]?.devices).toMatchObject([
        { device: { poolName: 'p', deviceName: 'd' }, health: 'HEALTHY', message: 'x'.repeat(1024) },
      ]);
      expect(Math.abs(Date.now() / 1000 - (received[0]?.devices[0]?.lastUpdatedTime ?? 0))).toBeLessThan(5);
      await once(stream, 'data');
      feed.report([{ pool: 'p', device: 'd', health: 'unhealthy' }]);
      await expect.poll(() => received.at(-1)?.devices[0]?.health).toBe('UNHEALTHY');
      expect(received.length).toBeGreaterThanOrEqual(3);
      stream.cancel();
    },
  );

  it('check 48: the stream ends when the plugin stops and can be opened again', async () => {
    const stream = kubelet.watchHealth(plugin.sockets.service);
    stream.resume();
    await once(stream, 'data');
    const ended = once(stream, 'end');
    await plugin.stop();
    await ended;
  });
});
