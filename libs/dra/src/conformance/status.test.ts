import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import type { JsonObject } from '../json.ts';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import type { ClaimDeviceStatus } from '../status/claim-device-status.ts';
import type { ClaimStatusWriter } from '../status/claim-status-writer.ts';
import { AllocatedClaims } from './allocated-claims.ts';
import { ConformanceRig, driverName, nodeName } from './conformance-rig.ts';

const foreign = { driver: 'gpu.example.com', pool: 'x', device: 'gpu' };
const statusPath = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims/a/status';

interface Claim extends KubernetesObject {
  readonly status: {
    readonly devices?: readonly (JsonObject & { readonly conditions?: readonly JsonObject[] })[];
  };
}

function ready(device: string, more: Partial<ClaimDeviceStatus> = {}): ClaimDeviceStatus {
  const condition = { type: 'Ready', status: 'True', reason: 'Attached', message: 'in the pod' } as const;
  return { pool: nodeName, device, conditions: [condition], ...more };
}

describe('claim status', () => {
  let rig: ConformanceRig;
  let claims: AllocatedClaims;
  let claim: ClaimReference;
  let writer: ClaimStatusWriter;
  let errors: Error[];

  beforeEach(async () => {
    rig = await ConformanceRig.start();
    claims = new AllocatedClaims(rig.admin);
    claim = await claims.allocate('a', ['toy-1', 'toy-2', { ...foreign, request: 'gpu' }]);
    await applyForeign({ own: true });
    ({ writer, errors } = rig.startStatusWriter());
  });
  afterEach(() => rig.stop());

  /** Reports as another driver of the same claim. */
  async function applyForeign(data: JsonObject): Promise<void> {
    const body = {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name: 'a', namespace: 'default' },
      status: { devices: [{ ...foreign, data }] },
    };
    const query = { fieldManager: foreign.driver, force: true };
    const contentType = 'application/apply-patch+yaml';
    await rig.admin.request({ method: 'PATCH', path: statusPath, query, contentType, body });
  }

  async function write(...devices: ClaimDeviceStatus[]): Promise<void> {
    writer.set(claim, devices);
    await writer.settled();
  }

  const reported = async () => (await claims.get<Claim>('a')).status.devices ?? [];

  it('check 45: entries of other drivers stay, ours are replaced and removed', async () => {
    await write(ready('toy-1', { data: { speed: 1 } }), ready('toy-2'));
    expect(rig.driverWrites.at(-1)).toMatchObject({
      path: statusPath,
      contentType: 'application/apply-patch+yaml',
      query: { fieldManager: driverName, force: 'true' },
    });
    await applyForeign({ own: 'changed' });
    await write(ready('toy-2'));
    expect(await reported()).toMatchObject([
      { ...foreign, data: { own: 'changed' } },
      { driver: driverName, device: 'toy-2', conditions: [{ type: 'Ready', status: 'True' }] },
    ]);
    writer.clear(claim);
    await writer.settled();
    expect(await reported()).toMatchObject([{ ...foreign, data: { own: 'changed' } }]);
    expect(errors).toEqual([]);
  });

  it('check 45: the status survives conflicts, failures and a connection cut after the work', async () => {
    const faults = [
      rig.server.inject({
        path: statusPath,
        times: 1,
        fault: { kind: 'status', code: 409, reason: 'Conflict' },
      }),
      rig.server.inject({ path: statusPath, times: 1, fault: { kind: 'status', code: 500 } }),
      rig.server.inject({
        path: statusPath,
        times: 1,
        fault: { kind: 'status', code: 403, reason: 'Forbidden' },
      }),
      // Done, but the driver cannot know.
      rig.server.inject({ path: statusPath, times: 1, fault: { kind: 'resetAfter' } }),
    ];
    await write(ready('toy-1'));
    expect(faults.map(({ hits }) => hits)).toEqual([1, 1, 1, 1]);
    expect((await reported()).map(({ device }) => device)).toEqual(['gpu', 'toy-1']);
    expect(errors.map(({ message }) => message)).toEqual(
      expect.arrayContaining([expect.stringContaining('the service account lacks a permission')]),
    );
  });

  it('check 45: writers of other entries at the same time cost none of them theirs', async () => {
    const others = Array.from({ length: 20 }, (_, i) => applyForeign({ i }));
    for (let i = 0; i < 20; i++) {
      writer.set(claim, [ready('toy-1', { data: { i } })]);
      await others[i];
    }
    await writer.settled();
    expect(await reported()).toMatchObject([
      { ...foreign, data: { i: expect.any(Number) } },
      { device: 'toy-1', data: { i: 19 } },
    ]);
  });

  it('check 45: a claim re-created between reading and writing is left alone', async () => {
    const delay = rig.server.inject({ path: statusPath, fault: { kind: 'delay', milliseconds: 100 } });
    writer.set(claim, [ready('toy-1')]);
    await expect.poll(() => delay.hits).toBe(1);
    delay.remove();
    await claims.delete('a');
    await claims.allocate('a', ['toy-1']);
    await writer.settled();
    expect(await reported()).toEqual([]);
  });

  it('check 46: 17 addresses, 11 KiB of data and 9 conditions are trimmed, not stuck', async () => {
    const ips = Array.from({ length: 17 }, (_, i) => `10.0.0.${i}/24`);
    const conditions = Array.from(
      { length: 8 },
      (_, i) => ({ type: `C${i}`, status: 'True', reason: 'R', message: '' }) as const,
    );
    await write(
      ready('toy-1', {
        data: { small: 1, log: 'x'.repeat(11 * 1024), medium: 'y'.repeat(5000) },
        conditions: [...conditions, { type: 'Ready', status: 'False', reason: 'not a word', message: '' }],
        networkData: { ips, interfaceName: 'x'.repeat(257), hardwareAddress: 'aa:bb:cc:dd:ee:ff' },
      }),
    );
    const trimmed = (await reported()).find(({ device }) => device === 'toy-1');
    expect(trimmed?.['networkData']).toEqual({ hardwareAddress: 'aa:bb:cc:dd:ee:ff', ips: ips.slice(0, 16) });
    expect(trimmed?.['data']).toEqual({ small: 1, medium: 'y'.repeat(5000), truncated: true });
    const types = trimmed?.conditions?.map(({ type }) => type);
    expect(types).toEqual(['Ready', 'C0', 'C1', 'C2', 'C3', 'C4', 'C5', 'C6']);
    expect(errors).toEqual([]);
  });

  it('check 46: what the API server would refuse is left out, each address spelled as it wants it', async () => {
    const ips = ['2001:DB8:0:0::1/64', '2001:db8::1/64', '10.0.0.1/24', '10.0.0.1', '10.0.0.1/33', '::1/129'];
    await write(ready('toy-1', { networkData: { ips } }), ready('not-allocated'));
    expect((await reported()).slice(1)).toMatchObject([
      { device: 'toy-1', networkData: { ips: ['2001:db8::1/64', '10.0.0.1/24'] } },
    ]);
    expect(errors).toEqual([]);
  });
});
