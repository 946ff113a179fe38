import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exampleClaim, exampleSlice, failure, PATHS, temporaryServer } from './example-objects.ts';
import type { LabApiClient } from './lab-api-client.ts';
import type { LabApiServer } from './lab-api-server.ts';
import type { KubeObject } from './objects/kube-object.ts';

let server: LabApiServer & AsyncDisposable;
let client: LabApiClient;

interface DeviceStatus {
  driver: string;
  pool: string;
  device: string;
  shareID?: string;
  conditions?: Record<string, unknown>[];
  data?: unknown;
  networkData?: Record<string, unknown>;
}

interface Claim extends KubeObject {
  status?: { devices?: DeviceStatus[]; reservedFor?: { uid: string }[]; allocation?: unknown };
}

beforeAll(async () => {
  server = await temporaryServer();
  client = server.client({ userAgent: 'scheduler/1.0' });
});
afterAll(() => server[Symbol.asyncDispose]());

const share = '11111111-2222-4333-8444-555555555555';
const result = (device: string, more = {}) => ({
  request: 'nic',
  driver: 'a.dev',
  pool: 'p',
  device,
  ...more,
});

/** A fresh claim `c` that has been given devices of two drivers. */
beforeEach(async () => {
  await client.request({ method: 'DELETE', path: `${PATHS.claims}/c` }).catch(() => undefined);
  await client.request({ method: 'POST', path: PATHS.claims, body: exampleClaim('c') });
  const results = [
    result('d0'),
    result('d1'),
    result('d2', { driver: 'b.dev' }),
    result('d3', { shareID: share }),
  ];
  await client.request({
    method: 'PUT',
    path: `${PATHS.claims}/c/status`,
    body: {
      ...exampleClaim('c'),
      status: {
        allocation: { devices: { results } },
        reservedFor: [{ resource: 'pods', name: 'p', uid: 'u1' }],
      },
    },
  });
});

interface ApplyOptions {
  manager: string;
  force?: boolean;
  body?: Record<string, unknown>;
  subresource?: string;
}

function apply(
  devices: readonly unknown[] | undefined,
  { manager, force, body, subresource = '/status' }: ApplyOptions,
) {
  return client.request<Claim>({
    method: 'PATCH',
    path: `${PATHS.claims}/c${subresource}`,
    query: { fieldManager: manager, ...(force === undefined ? {} : { force }) },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'resource.k8s.io/v1',
      kind: 'ResourceClaim',
      metadata: { name: 'c', namespace: 'default' },
      ...(devices === undefined ? {} : { status: { devices } }),
      ...body,
    },
  });
}

const device = (name: string, more: Partial<DeviceStatus> = {}): DeviceStatus => ({
  driver: 'a.dev',
  pool: 'p',
  device: name,
  ...more,
});
const ready = (status: string) => ({
  type: 'Ready',
  status,
  reason: 'R',
  message: '',
  lastTransitionTime: '2026-01-01T00:00:00Z',
});
const manager = 'a.dev/node-1';

describe('ownership', () => {
  it('is recorded per manager, with list items by their key', async () => {
    const { metadata } = await apply([device('d0', { networkData: { interfaceName: 'eth1' } })], { manager });
    expect(metadata.managedFields?.find((entry) => entry.operation === 'Apply')).toMatchObject({
      manager,
      operation: 'Apply',
      apiVersion: 'resource.k8s.io/v1',
      subresource: 'status',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:status': {
          'f:devices': {
            'k:{"device":"d0","driver":"a.dev","pool":"p"}': {
              '.': {},
              'f:device': {},
              'f:driver': {},
              'f:networkData': { 'f:interfaceName': {} },
              'f:pool': {},
            },
          },
        },
      },
    });
    expect(metadata.managedFields?.filter((entry) => entry.operation === 'Update')).toMatchObject([
      { manager: 'scheduler', fieldsV1: { 'f:spec': {} } },
      { manager: 'scheduler', subresource: 'status' },
    ]);
  });

  it('lets several managers keep entries side by side', async () => {
    await apply([device('d0')], { manager });
    const { status } = await apply([device('d2', { driver: 'b.dev' })], { manager: 'b.dev/node-1' });
    expect(status?.devices).toEqual([device('d0'), device('d2', { driver: 'b.dev' })]);
    expect(status?.reservedFor).toHaveLength(1);
  });

  it('tells entries with a share id from those without', async () => {
    await apply([device('d3', { shareID: share }), device('d0')], { manager });
    const { status } = await apply([device('d3', { shareID: share, data: { a: 1 } })], { manager });
    expect(status?.devices).toEqual([device('d3', { shareID: share, data: { a: 1 } })]);
  });
});

describe('repeated apply', () => {
  it('removes entries and fields that the manager no longer applies, and only those', async () => {
    await apply([device('d2', { driver: 'b.dev' })], { manager: 'b.dev/node-1' });
    await apply(
      [
        device('d0', { data: { a: 1 }, networkData: { interfaceName: 'e', ips: ['10.0.0.1/8'] } }),
        device('d1'),
      ],
      {
        manager,
      },
    );
    const { status } = await apply([device('d0', { networkData: { interfaceName: 'e' } })], { manager });
    expect(status?.devices).toEqual([
      device('d2', { driver: 'b.dev' }),
      device('d0', { networkData: { interfaceName: 'e' } }),
    ]);
    expect((await apply([], { manager })).status?.devices).toEqual([device('d2', { driver: 'b.dev' })]);
  });

  it('drops a struct when the last of its fields is no longer applied', async () => {
    await apply([device('d0', { networkData: { interfaceName: 'e' } })], { manager });
    const { status } = await apply([device('d0')], { manager });
    expect(status?.devices).toEqual([device('d0')]);
  });

  it('replaces data as a whole', async () => {
    await apply([device('d0', { data: { a: 1, b: { c: 2 } } })], { manager });
    const { status } = await apply([device('d0', { data: { b: { d: 3 } } })], { manager });
    expect(status?.devices?.[0]?.data).toEqual({ b: { d: 3 } });
  });

  it('writes nothing when nothing changes', async () => {
    const first = await apply([device('d0', { conditions: [ready('True')] })], { manager });
    await apply([device('d2', { driver: 'b.dev' })], { manager: 'b.dev/node-1' });
    const second = await client.request({ method: 'GET', path: `${PATHS.claims}/c` });
    const again = await apply([device('d0', { conditions: [ready('True')] })], { manager });
    expect(again).toEqual(second);
    expect(first.metadata.resourceVersion).not.toBe(again.metadata.resourceVersion);
  });

  it('keeps a shared entry until its last owner leaves it out', async () => {
    await apply([device('d0')], { manager });
    await apply([device('d0')], { manager: 'second' });
    expect((await apply([], { manager })).status?.devices).toEqual([device('d0')]);
    expect((await apply([], { manager: 'second' })).status?.devices).toBeUndefined();
  });
});

describe('conflicts', () => {
  it('answer 409 with the field and its owner, unless forced', async () => {
    await apply([device('d0', { networkData: { interfaceName: 'eth1' } })], { manager });
    const other = [device('d0', { networkData: { interfaceName: 'eth2' } })];
    const status = await failure(apply(other, { manager: 'second' }));
    const field = '.status.devices[device="d0",driver="a.dev",pool="p"].networkData.interfaceName';
    expect(status).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: `Apply failed with 1 conflict: conflict with "${manager}" with subresource "status": ${field}`,
      details: { causes: [{ reason: 'FieldManagerConflict', field }] },
    });
    const forced = await apply(other, { manager: 'second', force: true });
    expect(forced.status?.devices).toEqual(other);
    const owners = forced.metadata.managedFields?.filter(({ fieldsV1 }) =>
      JSON.stringify(fieldsV1).includes('f:interfaceName'),
    );
    expect(owners?.map((owner) => owner.manager)).toEqual(['second']);
  });

  it('do not arise from equal values', async () => {
    await apply([device('d0', { conditions: [ready('True')] })], { manager });
    await expect(
      apply([device('d0', { conditions: [ready('True')] })], { manager: 'second' }),
    ).resolves.toBeDefined();
  });

  it('arise with fields that an update set, even by the same name', async () => {
    const status = { status: { devices: [device('d0', { conditions: [ready('True')] })] } };
    await client.request({
      method: 'PATCH',
      path: `${PATHS.claims}/c/status`,
      query: { fieldManager: manager },
      contentType: 'application/merge-patch+json',
      body: status,
    });
    const refused = await failure(apply([device('d0', { conditions: [ready('False')] })], { manager }));
    expect(refused.message).toMatch(
      /conflict with "a\.dev\/node-1" with subresource "status" using resource\.k8s\.io\/v1 at /,
    );
  });

  it('end when the owner updates the field away', async () => {
    await apply([device('d0', { conditions: [ready('True')] })], { manager });
    await client.request({
      method: 'PATCH',
      path: `${PATHS.claims}/c/status`,
      contentType: 'application/merge-patch+json',
      body: { status: { devices: null } },
    });
    const { status } = await apply([device('d0', { conditions: [ready('False')] })], { manager: 'second' });
    expect(status?.devices?.[0]?.conditions).toEqual([ready('False')]);
  });
});

describe('what an apply patch must be', () => {
  it('needs a field manager', async () => {
    const request = client.request({
      method: 'PATCH',
      path: `${PATHS.claims}/c/status`,
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim' },
    });
    expect(await failure(request)).toMatchObject({
      code: 422,
      message:
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    });
  });

  it('may not carry managedFields, unknown fields, duplicate or incomplete keys', async () => {
    const body = { metadata: { name: 'c', managedFields: [{ manager: 'x', operation: 'Apply' }] } };
    expect(await failure(apply([], { manager, body }))).toMatchObject({ code: 400 });
    const odd = await failure(apply([{ ...device('d0'), odd: 1 }], { manager }));
    expect(odd).toMatchObject({ code: 500 });
    expect(odd.message).toContain('.status.devices[0].odd: field not declared in schema');
    const twice = await failure(apply([device('d0'), device('d0')], { manager }));
    expect(twice.message).toContain('duplicate entries for key');
  });

  it("fails on a resourceVersion or UID that is not the object's", async () => {
    const stale = { metadata: { name: 'c', resourceVersion: '1' } };
    expect(await failure(apply([], { manager, body: stale }))).toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
    const other = { metadata: { name: 'c', uid: '00000000-0000-4000-8000-000000000000' } };
    expect(await failure(apply([], { manager, body: other }))).toMatchObject({
      code: 422,
      details: { causes: [{ field: 'metadata.uid' }] },
    });
  });

  it('is validated as a whole', async () => {
    expect(await failure(apply([device('d9')], { manager }))).toMatchObject({
      code: 422,
      details: {
        causes: [
          {
            field: 'status.devices[0]',
            message: expect.stringContaining('must be an allocated device') as string,
          },
        ],
      },
    });
  });

  it('answers 404 for the status of an object that is not there', async () => {
    await client.request({ method: 'DELETE', path: `${PATHS.claims}/c` });
    expect(await failure(apply([device('d0')], { manager }))).toMatchObject({
      code: 404,
      reason: 'NotFound',
    });
  });

  it('cannot reach the status through the object or the spec through the status', async () => {
    const labels = { metadata: { name: 'c', labels: { a: 'b' } } };
    const { metadata, status } = await apply([device('d0')], { manager, subresource: '', body: labels });
    expect(metadata.labels).toEqual({ a: 'b' });
    expect(status?.devices).toBeUndefined();
    const spec = { spec: { devices: { requests: [] } } };
    const after = await apply([device('d0')], { manager, body: spec });
    expect(after.spec).toMatchObject({ devices: { requests: [{ name: 'nic' }] } });
  });
});

describe('apply of whole objects', () => {
  it('creates what is not there and updates what is', async () => {
    const path = `${PATHS.slices}/applied`;
    const request = (count: number) => ({
      method: 'PATCH',
      path,
      query: { fieldManager: manager },
      contentType: 'application/apply-patch+yaml',
      body: exampleSlice('applied', [], { pool: { name: 'p', generation: count, resourceSliceCount: 1 } }),
    });
    const created = await client.request(request(1));
    expect(created.metadata).toMatchObject({
      generation: 1,
      managedFields: [{ manager, operation: 'Apply' }],
    });
    expect((await client.request(request(2))).metadata.generation).toBe(2);
  });
});
