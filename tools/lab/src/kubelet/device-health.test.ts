import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CriClient } from '../cri/cri-client.ts';
import { pause, waitUntil } from '../waiting/wait-until.ts';
import { LabKubelet } from './lab-kubelet.ts';
import { ScriptedDriver, scriptedDriverName } from './scripted-driver.ts';

const device = { driver: scriptedDriverName, pool: 'node', device: 'eth1' };
const patience = { timeoutMs: 5000 };

let directory = '';
let driver: ScriptedDriver;
let cri: CriClient;
let kubelet: LabKubelet;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'health-'));
  driver = new ScriptedDriver(directory);
  driver.script.info.supportedVersions.push('v1alpha1.DRAResourceHealth', 'v1.DRAResourceHealth');
  // Nothing runs here, so nothing calls the runtime.
  cri = new CriClient(join(directory, '.none'));
});
afterEach(async () => {
  await kubelet.stop();
  driver.stop();
  cri.close();
  rmSync(directory, { recursive: true });
});

async function start(version = '1.36'): Promise<void> {
  await driver.start();
  kubelet = new LabKubelet({
    nodeName: 'node',
    api: { getClaim: () => Promise.resolve(undefined) },
    cri,
    registryDirectory: directory,
    version,
    times: { retryMs: 20, healthRetryMs: 60 },
  });
  await kubelet.start();
  await kubelet.pluginRegistered(scriptedDriverName);
}

function stream(count = 1): Promise<true> {
  return waitUntil<true>('a health stream', () => driver.healthStreams.length >= count, patience);
}

function report(health: string, more: object = {}, deviceName = 'eth1'): object {
  return { device: { poolName: 'node', deviceName }, health, healthCheckTimeoutSeconds: 10, ...more };
}

describe('device health', () => {
  test('is what the driver said last', async () => {
    await start();
    expect(kubelet.deviceHealth(scriptedDriverName, 'node', 'eth1').health).toBe('unknown');
    await stream();
    driver.reportHealth(report('HEALTHY'), report('UNHEALTHY', { message: 'no carrier' }, 'eth2'));
    await kubelet.healthBecomes(device, 'healthy');
    expect(kubelet.deviceHealth(scriptedDriverName, 'node', 'eth2')).toEqual({
      health: 'unhealthy',
      message: 'no carrier',
    });
    driver.reportHealth(report('UNHEALTHY', { message: 'on fire' }));
    expect(await kubelet.healthBecomes(device, 'unhealthy')).toEqual({
      health: 'unhealthy',
      message: 'on fire',
    });
    expect(kubelet.violations).toEqual([]);
  });

  test.each([
    ['1.36', ['v1alpha1']],
    ['1.37', ['v1']],
  ])('%s reads version %s of those that the driver offers', async (version, expected) => {
    await start(version);
    await stream();
    expect(driver.healthStreams).toEqual(expected);
  });

  test('is not asked for by 1.33, nor of a driver that does not offer it', async () => {
    await start('1.33');
    await pause(100);
    await kubelet.stop();
    driver.stop();
    driver = new ScriptedDriver(directory);
    await start();
    await pause(100);
    expect(driver.healthStreams).toEqual([]);
    expect(kubelet.deviceHealth(scriptedDriverName, 'node', 'eth1')).toEqual({
      health: 'unknown',
      message: '',
    });
  });

  test('is unknown when the driver is silent for longer than its report holds', async () => {
    await start();
    await stream();
    driver.reportHealth(
      report('HEALTHY', { healthCheckTimeoutSeconds: 1 }),
      report('HEALTHY', { healthCheckTimeoutSeconds: 0 }, 'eth2'),
    );
    await kubelet.healthBecomes(device, 'healthy');
    const before = performance.now();
    expect(await kubelet.healthBecomes(device, 'unknown')).toEqual({ health: 'unknown', message: '' });
    expect(performance.now() - before).toBeGreaterThan(800);
    // No time-out means the kubelet's own, half a minute.
    expect(kubelet.deviceHealth(scriptedDriverName, 'node', 'eth2').health).toBe('healthy');
  });

  test('of a device that is missing from a report stays as it was until its time is up', async () => {
    await start();
    await stream();
    driver.reportHealth(report('UNHEALTHY'), report('HEALTHY', {}, 'eth2'));
    await kubelet.healthBecomes(device, 'unhealthy');
    driver.reportHealth(report('UNHEALTHY', {}, 'eth2'));
    await kubelet.healthBecomes({ ...device, device: 'eth2' }, 'unhealthy');
    expect(kubelet.deviceHealth(scriptedDriverName, 'node', 'eth1').health).toBe('unhealthy');
  });

  test('is unknown from the end of the stream on, and known again with the next', async () => {
    await start();
    await stream();
    driver.reportHealth(report('HEALTHY'));
    await kubelet.healthBecomes(device, 'healthy');
    driver.endHealthStreams();
    await kubelet.healthBecomes(device, 'unknown');
    await stream(2);
    driver.reportHealth(report('HEALTHY'));
    await kubelet.healthBecomes(device, 'healthy');
    driver.stopService();
    await kubelet.healthBecomes(device, 'unknown');
    await driver.startService();
    await stream(3);
    driver.reportHealth(report('HEALTHY'));
    await kubelet.healthBecomes(device, 'healthy');
    driver.unregister();
    await kubelet.healthBecomes(device, 'unknown');
    await waitUntil('the stream to be cancelled', () => driver.openHealthStreams === 0, patience);
  });

  test('reports that the protocol forbids count and are kept as violations', async () => {
    await start();
    await stream();
    driver.reportHealth(report('HEALTHY', { message: 'x'.repeat(1025) }));
    const { message } = await kubelet.healthBecomes(device, 'healthy');
    expect(message).toBe(`${'x'.repeat(1021)}...`);
    driver.reportHealth(
      report('UNHEALTHY', { healthCheckTimeoutSeconds: -1 }),
      report('UNHEALTHY'),
      report('HEALTHY', {}, ''),
    );
    await kubelet.healthBecomes(device, 'unhealthy');
    expect(kubelet.violations.map((violation) => violation.message)).toEqual([
      expect.stringContaining('a message of 1025 characters for device node/eth1'),
      expect.stringContaining('a negative time-out for device node/eth1'),
      expect.stringContaining('device node/eth1 twice'),
      expect.stringContaining("a device without pool or name ('node/')"),
    ]);
  });
});
