import { once } from 'node:events';
import { join } from 'node:path';
import { pause } from '@patchbay/lab';
import type { LabKubelet } from '@patchbay/lab';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DeviceHealthFeed } from '../health/device-health-feed.ts';
import type { AnsweredHealth } from '../testing/index.ts';
import { ConformanceRig, driverName, nodeName } from './conformance-rig.ts';

/** The shortest time for which a report can hold: the protocol has whole seconds. */
const timeoutSeconds = 1;
const device = { driver: driverName, pool: nodeName, device: 'toy-1' };

describe('device health', () => {
  let rig: ConformanceRig;
  let feed: DeviceHealthFeed;
  beforeEach(async () => {
    rig = await ConformanceRig.start();
    feed = new DeviceHealthFeed({ timeoutSeconds });
  });
  afterEach(() => rig.stop());

  const report = (...names: readonly string[]) => {
    feed.report(names.map((name) => ({ pool: nodeName, device: name, health: 'healthy' as const })));
  };
  const startKubelet = (version: string) =>
    rig.startKubelet(join(rig.directory, 'registry'), { version, times: { retryMs: 20, healthRetryMs: 20 } });
  /** Every state that the kubelet believes the device to be in for a while. */
  async function statesFor(kubelet: LabKubelet, milliseconds: number): Promise<string[]> {
    const states = new Set<string>();
    for (const end = Date.now() + milliseconds; Date.now() < end; await pause(10)) {
      states.add(kubelet.deviceHealth(driverName, nodeName, 'toy-1').health);
    }
    return [...states];
  }

  it.each(['1.34', '1.37'])(
    'check 48: the kubelet of %s hears of devices in time, and of changes at once',
    { retry: 2 },
    async (version) => {
      report('toy-1');
      const kubelet = await startKubelet(version);
      await rig.startPlugin({ health: feed });
      await kubelet.healthBecomes(device, 'healthy');
      expect(await statesFor(kubelet, 2.5 * 1000 * timeoutSeconds)).toEqual(['healthy']);
      const [before, message] = [performance.now(), 'x'.repeat(2000)];
      feed.report([{ pool: nodeName, device: 'toy-1', health: 'unhealthy', message }]);
      const { message: heard } = await kubelet.healthBecomes(device, 'unhealthy');
      expect(performance.now() - before).toBeLessThan(200);
      expect(heard.length).toBe(1024);
      expect(kubelet.violations).toEqual([]);
    },
  );

  it('check 48: the stream is opened again when the service was restarted', async () => {
    const kubelet = await startKubelet('1.37');
    report('toy-1');
    const old = await rig.startPlugin({ health: feed });
    await kubelet.healthBecomes(device, 'healthy');
    await old.stop();
    await kubelet.healthBecomes(device, 'unknown');
    await rig.startPlugin({ health: feed });
    await kubelet.healthBecomes(device, 'healthy');
    expect(kubelet.violations).toEqual([]);
  });

  it('check 48: every stream gets the complete list as soon as it is opened, as often as that may be', async () => {
    const { service } = (await rig.startPlugin({ health: feed })).sockets;
    for (const names of [['toy-1', 'toy-2'], ['toy-2'], []]) {
      report(...names);
      const stream = rig.kubelet.watchHealth(service);
      stream.on('error', () => undefined);
      const [first] = (await once(stream, 'data')) as [AnsweredHealth];
      expect(first.devices.map(({ device }) => device.deviceName)).toEqual(names);
      stream.cancel();
    }
  });

  it('check 48: is announced only by drivers that report it', async () => {
    const with_ = await rig.startPlugin({ health: feed });
    expect((await rig.kubelet.getInfo(with_.sockets.registration)).supportedVersions).toEqual([
      'v1.DRAPlugin',
      'v1beta1.DRAPlugin',
      'v1.DRAResourceHealth',
      'v1alpha1.DRAResourceHealth',
    ]);
    const without = await rig.startPlugin({ podUID: 'without' });
    expect((await rig.kubelet.getInfo(without.sockets.registration)).supportedVersions).toHaveLength(2);
    await expect(
      rig.kubelet.callRaw(without.sockets.service, '/v1.DRAResourceHealth/NodeWatchResources'),
    ).rejects.toMatchObject({ code: 12 });
  });
});
