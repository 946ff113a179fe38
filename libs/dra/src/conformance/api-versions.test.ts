import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ResourceApiVersion } from '@patchbay/lab';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import { ResourceApiMissingError } from '../resource-api/resource-api-version.ts';
import type { Device } from '../slices/device.ts';
import type { ClaimStatusWriter } from '../status/claim-status-writer.ts';
import { AllocatedClaims } from './allocated-claims.ts';
import { ConformanceRig, driverName, nodeName } from './conformance-rig.ts';
import type { RunningPublisher } from './conformance-rig.ts';
import { device, deviceNames, pool, publish, taint } from './published-devices.ts';
import { ScriptedDriver } from './scripted-driver.ts';

interface Claim extends KubernetesObject {
  readonly status: { readonly devices?: readonly object[] };
}

/** Devices as each version writes them: v1beta1 has everything but the name in `basic` (KEP-4381). */
const shapes = {
  v1: (one: Device): object => one,
  v1beta2: (one: Device): object => one,
  v1beta1: ({ name, ...basic }: Device): object => ({ name, basic }),
} satisfies Record<ResourceApiVersion, (one: Device) => object>;

const ready = {
  pool: nodeName,
  device: 'toy-1',
  conditions: [{ type: 'Ready', status: 'True', reason: 'Prepared', message: '' }],
} as const;

describe('versions of resource.k8s.io', () => {
  let rig: ConformanceRig;
  let claims: AllocatedClaims;
  let driver: ScriptedDriver;
  let service: string;
  let writer: ClaimStatusWriter;
  let published: RunningPublisher;
  let statusErrors: Error[];

  /** A whole driver on an API server that serves this version only. */
  async function start(version: ResourceApiVersion): Promise<void> {
    rig = await ConformanceRig.start({ resourceVersions: [version] });
    claims = new AllocatedClaims(rig.admin);
    driver = new ScriptedDriver(`${rig.directory}/cdi`);
    service = (await rig.startPlugin({ driver })).sockets.service;
    published = rig.startPublisher();
    ({ writer, errors: statusErrors } = rig.startStatusWriter());
  }
  afterEach(() => rig.stop());

  /** Has a new claim prepared and its status reported; returns what the API server then has of it. */
  async function useToy(name: string, version: ResourceApiVersion): Promise<Claim> {
    const config = [{ parameters: { colour: 'red' } }];
    const claim = await claims.allocate(name, ['toy-1'], { version, config });
    const answer = (await rig.kubelet.prepare(service, [claim]))[claim.uid];
    expect(answer).toMatchObject({ devices: [{ deviceName: 'toy-1' }], error: '' });
    expect(driver.seen.at(-1)).toMatchObject({ name, devices: [{ configs: config }] });
    writer.set(claim, [ready]);
    await writer.settled();
    const stored = await claims.get<Claim>(name, version);
    await rig.kubelet.unprepare(service, [claim]);
    return stored;
  }

  /** Versions in the paths of the driver's requests since `from`. */
  const versionsAsked = (from = 0) => [
    ...new Set(
      rig.driverRequests.slice(from).flatMap(({ version, group }) => (group === '' ? [] : [version])),
    ),
  ];

  describe.each(['v1', 'v1beta2', 'v1beta1'] as const)('a server that has only %s', (version) => {
    beforeEach(() => start(version));

    it(`check 43: slices are written and read as ${version}`, async () => {
      const one = device('a', {
        capacity: { bandwidth: { value: '1G' } },
        taints: [{ ...taint, timeAdded: '2026-01-01T00:00:00Z' }],
        allowMultipleAllocations: true,
      });
      await publish(published.publisher, pool([one]));
      expect(rig.driverWrites.at(-1)?.body).toMatchObject({
        apiVersion: `resource.k8s.io/${version}`,
        spec: { devices: [shapes[version](one)] },
      });
      expect(rig.slices()).toMatchObject([{ spec: { devices: [one] } }]);
      await published.stop();
      rig.newWrites();
      const second = rig.startPublisher();
      await publish(second.publisher, pool([one]));
      expect(rig.newWrites()).toEqual([]);
      await publish(second.publisher, pool([device('a')]));
      expect(rig.newWrites()).toEqual(['PUT']);
      expect(rig.slices()).toMatchObject([{ spec: { devices: [device('a')] } }]);
      expect([published.errors, second.errors]).toEqual([[], []]);
      expect(versionsAsked()).toEqual([version]);
    });

    it(`check 43: claims are read, and their status written, as ${version}`, async () => {
      const { status } = await useToy('a', version);
      expect(status.devices).toMatchObject([
        { driver: driverName, device: 'toy-1', conditions: [{ type: 'Ready' }] },
      ]);
      expect(rig.driverWrites.at(-1)?.body).toMatchObject({ apiVersion: `resource.k8s.io/${version}` });
      expect(versionsAsked()).toEqual([version]);
      expect(statusErrors).toEqual([]);
    });
  });

  it.each([
    ['v1beta1', 'v1'],
    ['v1beta2', 'v1'],
    // A rollback.
    ['v1', 'v1beta1'],
  ] as const)('check 43: when %s gives way to %s, all goes on without a restart', async (before, after) => {
    await start(before);
    await publish(published.publisher, pool([device('a')]));
    await useToy('old', before);
    await expect.poll(() => rig.server.openWatches).toBe(1);
    const [slice] = rig.slices();

    rig.server.setResourceVersions([after]);
    rig.server.endWatches();
    const from = rig.driverRequests.length;
    const { status } = await useToy('new', after);
    expect(status.devices).toMatchObject([{ device: 'toy-1' }]);
    await publish(published.publisher, pool([device('a'), device('b')]));
    expect(deviceNames(rig.slices())).toEqual(['a', 'b']);
    // Still the same slice: devices do not vanish for the scheduler.
    expect(rig.slices().map(({ metadata }) => metadata.uid)).toEqual([slice?.metadata.uid]);
    expect(versionsAsked(from)).toContain(after);
    const settled = rig.driverRequests.length;
    await publish(published.publisher, pool([device('c')]));
    expect(versionsAsked(settled)).toEqual([after]);
  });

  it('check 43: a write finds out that the version is gone while the watch has not noticed', async () => {
    await start('v1beta1');
    await publish(published.publisher, pool([device('a')]));
    await expect.poll(() => rig.server.openWatches).toBe(1);
    const [slice] = rig.slices();
    rig.server.setResourceVersions(['v1']);
    await publish(published.publisher, pool([device('b')]));
    expect(deviceNames(rig.slices())).toEqual(['b']);
    expect(rig.slices().map(({ metadata }) => metadata.uid)).toEqual([slice?.metadata.uid]);
  });

  it('check 43: a server without any usable version is told so, and found when it has one', async () => {
    await start('v1');
    rig.server.setResourceVersions([]);
    published.publisher.update([pool([device('a')])]);
    await expect.poll(() => published.errors.at(-1)).toBeInstanceOf(ResourceApiMissingError);
    rig.server.setResourceVersions(['v1beta2']);
    await published.publisher.settled();
    expect(deviceNames(rig.slices())).toEqual(['a']);
  });
});
