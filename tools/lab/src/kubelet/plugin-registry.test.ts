import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pause, waitUntil } from '../waiting/wait-until.ts';
import { DeviceHealthCache } from './device-health-cache.ts';
import { kubeletRelease } from './kubelet-release.ts';
import { PluginRegistry } from './plugin-registry.ts';
import type { PluginRegistryOptions } from './plugin-registry.ts';
import { ScriptedDriver, scriptedDriverName } from './scripted-driver.ts';

let directory = '';
const drivers: ScriptedDriver[] = [];
const registries: PluginRegistry[] = [];
const refusals: string[] = [];
const wipes: string[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reg-'));
});
afterEach(() => {
  for (const registry of registries.splice(0)) registry.stop();
  for (const driver of drivers.splice(0)) driver.stop();
  refusals.length = 0;
  wipes.length = 0;
  rmSync(directory, { recursive: true });
});

function startRegistry(options: Partial<PluginRegistryOptions> = {}): PluginRegistry {
  const registry = new PluginRegistry({
    directory,
    release: kubeletRelease('1.36'),
    callTimeoutMs: 2000,
    wipeDelayMs: 60,
    retryMs: 20,
    longestRetryMs: 50,
    healthRetryMs: 50,
    health: new DeviceHealthCache(),
    wipe: (driverName) => wipes.push(driverName),
    onRefused: (_socket, message) => refusals.push(message),
    onViolation: (error) => {
      throw error;
    },
    ...options,
  });
  registries.push(registry);
  registry.start();
  return registry;
}

function newDriver(instance?: string): ScriptedDriver {
  const driver = new ScriptedDriver(directory, instance);
  drivers.push(driver);
  return driver;
}

function registered(registry: PluginRegistry, count = 1): Promise<true> {
  return waitUntil<true>(`${String(count)} registrations`, () => registry.plugins.length === count, {
    timeoutMs: 5000,
  });
}

describe('PluginRegistry', () => {
  test('registers a driver that was there before, and one that comes later', async () => {
    await newDriver('-a').start();
    const registry = startRegistry();
    await registered(registry);
    await newDriver('-b').start();
    await registered(registry, 2);
    await waitUntil('both notifications', () => drivers.every((driver) => driver.notifications.length > 0), {
      timeoutMs: 5000,
    });
    expect(drivers.map(({ notifications }) => notifications)).toEqual([['registered'], ['registered']]);
    expect(refusals).toEqual([]);
  });

  test("picks the first of the driver's services that it knows", async () => {
    const both = await newDriver('-a').start();
    const registry = startRegistry();
    await registered(registry);
    expect(registry.plugins[0]).toEqual({
      driverName: scriptedDriverName,
      registrationSocket: both.registrationSocket,
      endpoint: both.endpoint,
      service: 'v1.DRAPlugin',
      supportedVersions: ['v1.DRAPlugin', 'v1beta1.DRAPlugin'],
    });
    const old = newDriver('-b');
    old.script.info.supportedVersions = ['v1alpha1.DRAResourceHealth', 'v1beta1.DRAPlugin', 'v1.DRAPlugin'];
    await old.start();
    await registered(registry, 2);
    expect(registry.plugins[1]).toMatchObject({
      service: 'v1beta1.DRAPlugin',
      healthService: 'v1alpha1.DRAResourceHealth',
    });
  });

  test.each([
    ['another type', { type: 'CSIPlugin' }, /no handler registered for plugin type: CSIPlugin/],
    ['a name that is no DNS subdomain', { name: 'Net_Example' }, /not a DNS subdomain/],
    ['a name that is too long', { name: `${'a'.repeat(60)}.org` }, /at most 63 characters/],
    ['a relative endpoint', { endpoint: 'dra.sock' }, /not an absolute path/],
    ['no versions', { supportedVersions: [] }, /empty list/],
    [
      'wire names for versions',
      { supportedVersions: ['k8s.io.kubelet.pkg.apis.dra.v1.DRAPlugin'] },
      /none of v1\.DRAPlugin/,
    ],
  ])('tells a driver with %s why it is refused, and asks again', async (_, wrong, words) => {
    const driver = newDriver();
    const right = { ...driver.script.info };
    Object.assign(driver.script.info, wrong);
    await driver.start();
    const registry = startRegistry();
    await waitUntil('two refusals', () => driver.notifications.length >= 2, { timeoutMs: 5000 });
    expect(driver.notifications[0]).toMatch(words);
    expect(refusals[0]).toBe(driver.notifications[0]);
    expect(registry.plugins).toEqual([]);
    Object.assign(driver.script.info, right);
    await waitUntil('the registration', () => driver.notifications.at(-1) === 'registered', {
      timeoutMs: 5000,
    });
    expect(registry.plugins).toHaveLength(1);
  });

  test('takes the registration socket for the endpoint when none is given', async () => {
    const driver = newDriver();
    driver.script.info.endpoint = '';
    await driver.start();
    const registry = startRegistry();
    await registered(registry);
    expect(registry.plugins[0]?.endpoint).toBe(driver.registrationSocket);
  });

  test('ignores hidden sockets, plain files and dangling links', async () => {
    writeFileSync(join(directory, 'plain-reg.sock'), '');
    symlinkSync(join(directory, 'nowhere'), join(directory, 'dangling-reg.sock'));
    const driver = await newDriver().start();
    const registry = startRegistry();
    await registered(registry);
    await pause(50);
    expect(registry.plugins.map(({ registrationSocket }) => registrationSocket)).toEqual([
      driver.registrationSocket,
    ]);
    expect(refusals).toEqual([]);
  });

  test('a socket that nobody serves is tried until somebody does', async () => {
    const driver = newDriver();
    await driver.start();
    const answer = driver.script.info;
    Object.defineProperty(driver.script, 'info', {
      configurable: true,
      get: () => {
        throw new Error('not ready');
      },
    });
    const registry = startRegistry();
    await waitUntil('a refusal', () => refusals.length > 0, { timeoutMs: 5000 });
    expect(refusals[0]).toMatch(/failed to get plugin info using RPC GetInfo/);
    Object.defineProperty(driver.script, 'info', { value: answer });
    await registered(registry);
  });

  test('removal of the registration socket deregisters and wipes the slices after the delay', async () => {
    const driver = await newDriver().start();
    const registry = startRegistry();
    await registered(registry);
    driver.unregister();
    await registered(registry, 0);
    expect(() => registry.service(scriptedDriverName)).toThrow(
      `DRA driver ${scriptedDriverName} is not registered`,
    );
    expect(wipes).toEqual([]);
    await waitUntil('the wipe', () => wipes.length > 0, { timeoutMs: 2000 });
    expect(wipes).toEqual([scriptedDriverName]);
  });

  test('a driver that is back before the delay keeps its slices', async () => {
    const registry = startRegistry({ wipeDelayMs: 300 });
    const first = await newDriver().start();
    await registered(registry);
    first.stop();
    await registered(registry, 0);
    await newDriver().start();
    await registered(registry);
    await pause(400);
    expect(wipes).toEqual([]);
  });

  test('loss of the service connection keeps the registration and wipes the slices unless it returns', async () => {
    const driver = await newDriver().start();
    const registry = startRegistry();
    await registered(registry);
    // The connection is made in the background; only one that was there can be lost.
    await registry.service(scriptedDriverName).unprepare([{ namespace: 'n', name: 'c', uid: 'u' }]);
    driver.stopService();
    await waitUntil('the wipe', () => wipes.length > 0, { timeoutMs: 2000 });
    expect(registry.plugins).toHaveLength(1);
    await driver.startService();
    const answers = () =>
      registry
        .service(scriptedDriverName)
        .unprepare([{ namespace: 'n', name: 'c', uid: 'u' }])
        .then(
          () => true,
          () => false,
        );
    await waitUntil('the connection to return', answers, { timeoutMs: 5000 });
    expect(wipes).toEqual([scriptedDriverName]);
  });

  test('two instances of a driver are registered side by side and the newer one serves until it goes', async () => {
    const registry = startRegistry();
    const older = await newDriver('-old').start();
    await registered(registry);
    const newer = await newDriver('-new').start();
    await registered(registry, 2);
    const claim = { namespace: 'n', name: 'c', uid: 'u' };
    await waitUntil(
      'both connections',
      async () => {
        await registry.service(scriptedDriverName).unprepare([claim]);
        return newer.calls.length > 0;
      },
      { timeoutMs: 2000 },
    );
    const before = older.calls.length;
    newer.stop();
    await registered(registry, 1);
    await registry.service(scriptedDriverName).unprepare([claim]);
    expect(older.calls.length).toBe(before + 1);
    await pause(100);
    expect(wipes).toEqual([]);
  });

  test('a second socket for an endpoint that is registered already is refused', async () => {
    const registry = startRegistry();
    const first = await newDriver('-a').start();
    await registered(registry);
    const second = newDriver('-b');
    second.script.info.endpoint = first.endpoint;
    await second.start();
    await waitUntil('the refusal', () => second.notifications.length > 0, { timeoutMs: 2000 });
    expect(second.notifications[0]).toMatch(/endpoint .* already registered for plugin net\.example\.org/);
    expect(registry.plugins).toHaveLength(1);
  });
});

describe('PluginRegistry of older releases', () => {
  const claim = { namespace: 'n', name: 'c', uid: 'u' };

  test('1.33 speaks v1beta1, and does not mind a lost connection', async () => {
    const driver = newDriver();
    driver.script.info.supportedVersions.push('v1alpha1.DRAResourceHealth');
    await driver.start();
    const registry = startRegistry({ release: kubeletRelease('1.33') });
    await registered(registry);
    expect(registry.plugins[0]?.service).toBe('v1beta1.DRAPlugin');
    expect(registry.plugins[0]?.healthService).toBeUndefined();
    await registry.service(scriptedDriverName).unprepare([claim]);
    expect(driver.calls.at(-1)?.version).toBe('v1beta1');
    driver.stopService();
    await pause(150);
    expect(wipes).toEqual([]);
    driver.unregister();
    await waitUntil('the wipe', () => wipes.length > 0, { timeoutMs: 2000 });
  });

  test('1.32 replaces an instance by the next, and wipes at once', async () => {
    const registry = startRegistry({ release: kubeletRelease('1.32'), wipeDelayMs: 60_000 });
    await newDriver('-old').start();
    await registered(registry);
    const newer = await newDriver('-new').start();
    await waitUntil('the newer one', () => registry.plugins[0]?.endpoint === newer.endpoint, {
      timeoutMs: 2000,
    });
    expect(registry.plugins).toHaveLength(1);
    expect(wipes).toEqual([]);
    newer.unregister();
    await registered(registry, 0);
    expect(wipes).toEqual([scriptedDriverName]);
  });

  test('1.32 deregisters the driver with the end of an instance that was replaced', async () => {
    const registry = startRegistry({ release: kubeletRelease('1.32') });
    const older = await newDriver('-old').start();
    await registered(registry);
    const newer = await newDriver('-new').start();
    await waitUntil('the newer one', () => registry.plugins[0]?.endpoint === newer.endpoint, {
      timeoutMs: 2000,
    });
    older.stop();
    await registered(registry, 0);
    expect(wipes).toEqual([scriptedDriverName]);
    // Its socket is there and was registered once, so nothing registers it again.
    await pause(150);
    expect(registry.plugins).toEqual([]);
    expect(() => registry.service(scriptedDriverName)).toThrow('is not registered');
    newer.stop();
    await newDriver('-new').start();
    await registered(registry);
  });
});
