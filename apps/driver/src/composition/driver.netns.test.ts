import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClaimJournal, type ClaimRecord, DeviceLinks, Inventory, silentLogger } from '@patchbay/core';
import { KubeApi } from '@patchbay/dra';
import { loadForeignLibraries } from '@patchbay/ffi';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import { backendModules } from '../backends.ts';
import { parseDriverConfig } from '../configuration/load-driver-config.ts';
import { DriverMetrics } from '../observability/driver-metrics.ts';
import { Driver } from './driver.ts';

const directory = mkdtempSync(join(tmpdir(), 'driver-'));
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => void vi.restoreAllMocks());

/** A driver that nobody answers: no kubelet, no runtime, no API server. */
function lonelyDriver(): Driver {
  const text = JSON.stringify({
    apiVersion: 'patchbay.dev/v1alpha1',
    kind: 'DriverConfig',
    nodeName: 'node',
    state: { directory: join(directory, 'state') },
    cdi: { directory: join(directory, 'cdi') },
    kubelet: { registryDirectory: join(directory, 'registry'), pluginsDirectory: join(directory, 'plugins') },
    nri: { socketPath: join(directory, 'nri.sock') },
    backends: [{ kind: 'hostdev', links: [{ name: 'nic*' }] }],
  });
  return new Driver({
    ...parseDriverConfig(text, backendModules, 'the configuration of the test'),
    api: new KubeApi({
      settings: () => Promise.reject(new Error('there is no API server')),
      close: () => {},
    }),
    libraries: loadForeignLibraries(),
    metrics: new DriverMetrics(),
    logger: silentLogger,
  });
}

const record: ClaimRecord = {
  ...{ version: 1, bootId: 'boot', claim: { uid: 'claim', namespace: 'default', name: 'claim' } },
  ...{ podUIDs: [], devices: [], attachments: [] },
};

it('reads nothing of its state once it has ended, whatever was still to come: the lock is closed then', async () => {
  const inventories = vi.spyOn(Inventory.prototype, 'run');
  const endOfLinks = vi.spyOn(DeviceLinks.prototype, Symbol.dispose);
  const driver = lonelyDriver();
  await driver.start();
  const inventory = inventories.mock.contexts[0] as Inventory;
  const successor = new ClaimJournal(join(directory, 'state/claims'), silentLogger);
  successor.write(record);
  expect(endOfLinks).not.toHaveBeenCalled();
  await driver.stop();
  // With what another instance has written there is something to read; a timer that was set before would do what this does.
  successor.write(record);
  inventory.settle();
  expect(endOfLinks).toHaveBeenCalledOnce();
});
