import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { LabApiClient } from '@patchbay/lab';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KubeApi } from '../kube/kube-api.ts';
import type { KubernetesList } from '../kube/kubernetes-object.ts';
import type { ResourceSlice } from '../slices/resource-slice.ts';
import { AllocatedClaims } from './allocated-claims.ts';
import { ConformanceRig } from './conformance-rig.ts';
import { deviceNames, devices, pool, publish } from './published-devices.ts';
import { ScriptedDriver } from './scripted-driver.ts';

const apiServer = resolve(import.meta.dirname, '../../../../tools/lab/src/apiserver/main.ts');
/** A figure over its budget is taken again before it counts: the machine may do much else. */
const takenAgain = { retry: 2 };

describe('what a driver costs its node', () => {
  let rig: ConformanceRig;
  beforeEach(async () => {
    rig = await ConformanceRig.start();
  });
  afterEach(() => rig.stop());

  /** Another API server, in a process of its own: what it takes is not counted. */
  async function distantApi(): Promise<{ api: KubeApi; admin: LabApiClient }> {
    const flags = ['--conditions=@patchbay/source', '--disable-warning=ExperimentalWarning'];
    const parameters = ['--no-scheduler', '--directory', join(rig.directory, 'distant')];
    const child = spawn(process.execPath, [...flags, apiServer, ...parameters], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    rig.onStop(async () => {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    });
    // It says where it is as soon as it serves.
    await once(child.stdout, 'data');
    const kubeconfig = join(rig.directory, 'distant/kubeconfig.yaml');
    const [api, admin] = [KubeApi.fromKubeConfig(kubeconfig), LabApiClient.fromKubeconfig(kubeconfig)];
    rig.onStop(async () => {
      api.close();
      admin.close();
    });
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'worker' } };
    await admin.request({ method: 'POST', path: '/api/v1/nodes', body: node });
    return { api, admin };
  }

  it('1,000 devices take eight slices and 300 ms of processor time', takenAgain, async () => {
    const { api, admin } = await distantApi();
    const { publisher, errors } = rig.startPublisher({ api });
    const attributes = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, { int: i }]));
    const content = devices(1_000, { attributes });
    // Loads the kubeconfig and connects.
    await publish(publisher, pool([]));
    const before = process.cpuUsage();
    await publish(publisher, pool(content));
    const { user, system } = process.cpuUsage(before);
    const { items } = await admin.request<KubernetesList<ResourceSlice>>({
      method: 'GET',
      path: '/apis/resource.k8s.io/v1/resourceslices',
    });
    const counts = (items ?? []).map(({ spec }) => spec.devices?.length ?? 0).sort((a, b) => a - b);
    expect(counts).toEqual([104, 128, 128, 128, 128, 128, 128, 128]);
    expect((items ?? []).every(({ spec }) => spec.pool.resourceSliceCount === 8)).toBe(true);
    expect(errors).toEqual([]);
    expect((user + system) / 1000).toBeLessThan(300);
  });

  it('an idle hour of forced resyncs and repeated updates makes no write', async () => {
    const { publisher, errors } = rig.startPublisher();
    const content = devices(300);
    await publish(publisher, pool(content));
    const before = rig.slices();
    rig.newWrites();
    const lists = () => rig.driverRequests.filter(({ verb }) => verb === 'list').length;
    const listed = lists();
    for (let minute = 1; minute <= 60; minute++) {
      await expect.poll(() => rig.server.openWatches, { timeout: 5_000, interval: 1 }).toBe(1);
      rig.server.expireWatches();
      await publish(publisher, pool(minute % 2 === 0 ? content : content.toReversed()));
      await expect.poll(lists, { timeout: 5_000, interval: 1 }).toBe(listed + minute);
    }
    expect(rig.newWrites()).toEqual([]);
    expect([rig.slices(), errors]).toEqual([before, []]);
  }, 60_000);

  it('slices that the kubelet wiped are back within a second', takenAgain, async () => {
    const { publisher } = rig.startPublisher({ backoff: { initialMs: 250, maximumMs: 60_000 } });
    await publish(publisher, pool(devices(1_000)));
    const started = performance.now();
    await rig.wipeSlices();
    expect(rig.slices()).toEqual([]);
    await expect.poll(() => deviceNames(rig.slices()).length, { interval: 10 }).toBe(1_000);
    expect(performance.now() - started).toBeLessThan(1_000);
  });

  it('prepare adds less than 5 ms to reading the claim', takenAgain, async () => {
    const { api, admin } = await distantApi();
    const driver = new ScriptedDriver(join(rig.directory, 'cdi'));
    const { service } = (await rig.startPlugin({ api, driver })).sockets;
    const claims = new AllocatedClaims(admin);
    const [reading, preparing]: [number[], number[]] = [[], []];
    for (let i = 0; i < 55; i++) {
      const claim = await claims.allocate(`claim-${i}`, [`toy-${i}`]);
      const path = `/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/${claim.name}`;
      reading.push(await milliseconds(() => api.request({ method: 'GET', path })));
      preparing.push(await milliseconds(() => rig.kubelet.prepare(service, [claim])));
    }
    expect(await driver.specs.list()).toHaveLength(55);
    // The first few connect and warm up.
    const added = median(preparing.slice(5)) - median(reading.slice(5));
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThan(5);
  });
});

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
