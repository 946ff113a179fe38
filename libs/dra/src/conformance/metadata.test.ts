import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CdiSpecStore } from '../cdi/cdi-spec-store.ts';
import type { CdiMount } from '../cdi/cdi-spec.ts';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import { DeviceMetadataStore } from '../metadata/device-metadata-store.ts';
import type { DraDriver } from '../plugin/dra-driver.ts';
import { decodeDeviceMetadata } from '../testing/index.ts';
import { AllocatedClaims } from './allocated-claims.ts';
import type { AllocationOptions } from './allocated-claims.ts';
import { ConformanceRig, driverName, nodeName } from './conformance-rig.ts';

const attributes = { wheels: { int: 4 } };
const networkData = { interfaceName: 'net1', ips: ['10.0.0.2/24'], hardwareAddress: '02:00:00:00:00:01' };

describe('device metadata', () => {
  let rig: ConformanceRig;
  let service: string;
  let specs: CdiSpecStore;
  let store: DeviceMetadataStore;

  beforeEach(async () => {
    rig = await ConformanceRig.start();
    specs = new CdiSpecStore({ directory: join(rig.directory, 'cdi'), vendor: driverName, class: 'claim' });
    store = new DeviceMetadataStore({ directory: join(rig.directory, 'metadata'), driverName });
    service = (await rig.startPlugin({ driver: tellingDriver() })).sockets.service;
  });
  afterEach(() => rig.stop());

  /** A driver that tells containers about their devices. */
  function tellingDriver(): DraDriver {
    return {
      async prepareClaim(claim) {
        const known = claim.devices.map(({ request, pool, device }) => ({
          request,
          pool,
          device,
          attributes,
        }));
        const mounts = await store.write(claim, known);
        const edits = claim.devices.map(({ request, device }) => ({
          name: device,
          containerEdits: {
            mounts: mounts.filter((one) => one.request === request).map(({ mount }) => mount),
          },
        }));
        const ids = await specs.write(claim.uid, edits);
        return claim.devices.map(({ request, pool, device }, index) => ({
          requestNames: [request],
          poolName: pool,
          deviceName: device,
          cdiDeviceIds: ids.slice(index, index + 1),
        }));
      },
      async unprepareClaim({ uid }) {
        await specs.remove(uid);
        await store.remove(uid);
      },
    };
  }

  /** Has a claim for one toy prepared; returns it with what its containers would mount. */
  async function prepare(
    options: AllocationOptions = {},
  ): Promise<{ claim: ClaimReference; mount: CdiMount }> {
    const claim = await new AllocatedClaims(rig.admin).allocate('a', ['car'], options);
    const answer = (await rig.kubelet.prepare(service, [claim]))[claim.uid];
    expect(answer).toMatchObject({ devices: [{ deviceName: 'car' }], error: '' });
    const [device] = (await specs.read(claim.uid)) ?? [];
    const [mount, ...more] = device?.containerEdits.mounts ?? [];
    expect(more).toEqual([]);
    return { claim, mount: mount! };
  }

  const read = ({ hostPath }: CdiMount) => decodeDeviceMetadata(readFileSync(hostPath, 'utf8'));

  it('check 49: generation 1 when prepared, 2 in the same file after attach, gone after unprepare', async () => {
    const { claim, mount } = await prepare();
    expect(mount.containerPath).toBe(
      '/var/run/kubernetes.io/dra-device-attributes/resourceclaims/a/toy/toys.example.com-metadata.json',
    );
    expect(read(mount)).toMatchObject({
      apiVersion: expect.stringMatching(/^metadata\.resource\.k8s\.io\//),
      metadata: { name: 'a', namespace: 'default', uid: claim.uid, generation: 1 },
      requests: [{ name: 'toy', devices: [{ driver: driverName, pool: nodeName, name: 'car', attributes }] }],
    });
    const { ino } = statSync(mount.hostPath);
    const attached = { request: 'toy', pool: nodeName, device: 'car', networkData };
    expect(await store.update(claim.uid, [attached])).toBe(true);
    expect(read(mount)).toMatchObject({
      metadata: { generation: 2 },
      requests: [{ devices: [{ name: 'car', attributes, networkData }] }],
    });
    expect(statSync(mount.hostPath).ino).toBe(ino);
    // The kubelet may ask again while the containers run: they must not lose what they know.
    await rig.kubelet.prepare(service, [claim]);
    expect([statSync(mount.hostPath).ino, read(mount).metadata.generation]).toEqual([ino, 2]);
    expect(await rig.kubelet.unprepare(service, [claim])).toEqual({ [claim.uid]: { error: '' } });
    expect(existsSync(mount.hostPath)).toBe(false);
    expect(await store.list()).toEqual([]);
  });

  it('check 49: a claim made from a template is found under the name that the pod has for it', async () => {
    const annotations = { 'resource.kubernetes.io/pod-claim-name': 'my-toy' };
    const { mount } = await prepare({ annotations });
    expect(mount.containerPath).toContain('/resourceclaimtemplates/my-toy/toy/');
    expect(read(mount)).toMatchObject({ podClaimName: 'my-toy' });
  });
});
