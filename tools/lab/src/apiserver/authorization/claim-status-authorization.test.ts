import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { exampleClaim, failure, PATHS, temporaryServer } from '../example-objects.ts';
import type { LabApiServer } from '../lab-api-server.ts';

const serviceAccount = { namespace: 'default', name: 'driver' };
const rbac = '/apis/rbac.authorization.k8s.io/v1';
const dra = 'resource.k8s.io';

let server: LabApiServer & AsyncDisposable;
let count = 0;
let path = '';
beforeAll(async () => {
  server = await temporaryServer();
  await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'driver' } });
  await post(`${rbac}/clusterroles`, { metadata: { name: 'driver' }, rules: [] });
  await post(`${rbac}/clusterrolebindings`, {
    metadata: { name: 'driver' },
    subjects: [{ kind: 'ServiceAccount', ...serviceAccount }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'driver' },
  });
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  server.setFeatures({ DRAResourceClaimGranularStatusAuthorization: true });
  path = `${PATHS.claims}/claim-${String((count += 1))}`;
  await post(PATHS.claims, exampleClaim(path.split('/').at(-1) ?? ''));
  await write({ status: { allocation: allocation(['node-1']) } });
});

const post = (where: string, body: unknown) => server.client().request({ method: 'POST', path: where, body });
const allocation = (nodes: readonly string[]) => ({
  devices: {
    results: ['a.dev', 'b.dev'].map((driver) => ({ request: 'nic', driver, pool: 'p', device: 'd' })),
  },
  nodeSelector: {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: nodes }] }],
  },
});
const devices = (...drivers: readonly string[]) => ({
  status: { devices: drivers.map((driver) => ({ driver, pool: 'p', device: 'd', data: { at: count } })) },
});

/** A merge patch of the claim's status, as the admin or with a token bound to a node. */
function write(body: object, token?: string): Promise<unknown> {
  const contentType = 'application/merge-patch+json';
  const client = token === undefined ? server.client() : server.client({ token });
  return client.request({ method: 'PATCH', path: `${path}/status`, contentType, body });
}

/** A token whose role has rules for the status, and the verbs on `resourceclaims/driver` for `a.dev`. */
async function tokenWith(verbs: readonly string[], nodeName?: string): Promise<string> {
  const rules = [
    { apiGroups: [dra], resources: ['resourceclaims/status'], verbs: ['patch'] },
    ...(verbs.length === 0
      ? []
      : [{ apiGroups: [dra], resources: ['resourceclaims/driver'], resourceNames: ['a.dev'], verbs }]),
  ];
  const role = { metadata: { name: 'driver' }, rules };
  await server.client().request({ method: 'PUT', path: `${rbac}/clusterroles/driver`, body: role });
  return server.issueToken({ serviceAccount, ...(nodeName === undefined ? {} : { nodeName }) });
}

describe('device entries', () => {
  it('are written by the driver on the node of the claim', async () => {
    const token = await tokenWith(['associated-node:patch'], 'node-1');
    await expect(write(devices('a.dev'), token)).resolves.toMatchObject(devices('a.dev'));
    server.requests.length = 0;
    await write({ status: { devices: null } }, token);
    const { checks = [] } = server.requests[0] ?? {};
    expect(checks.map(({ access }) => access)).toMatchObject([
      { resource: 'resourceclaims', subresource: 'status', verb: 'patch' },
      { resource: 'resourceclaims', subresource: 'driver', verb: 'associated-node:patch', name: 'a.dev' },
    ]);
  });

  it('are refused to it on another node, and to a token without a node', async () => {
    for (const node of ['node-2', undefined]) {
      const token = await tokenWith(['associated-node:patch'], node);
      expect(await failure(write(devices('a.dev'), token))).toMatchObject({
        code: 422,
        reason: 'Invalid',
        details: {
          causes: [
            {
              reason: 'FieldValueForbidden',
              field: 'status.devices',
              message:
                'Forbidden: changing status.devices requires resource="resourceclaims/driver", verb="[arbitrary-node:patch]" permission: resourceclaims.resource.k8s.io "a.dev" is forbidden: User "system:serviceaccount:default:driver" cannot arbitrary-node:patch resource "resourceclaims/driver" in API group "resource.k8s.io" in the namespace "default"',
            },
          ],
        },
      });
    }
  });

  it('are refused without either verb; the error names the first', async () => {
    const token = await tokenWith([], 'node-1');
    expect((await failure(write(devices('a.dev'), token))).message).toContain(
      'verb="[associated-node:patch arbitrary-node:patch]" permission: resourceclaims.resource.k8s.io "a.dev" is forbidden: User "system:serviceaccount:default:driver" cannot associated-node:patch',
    );
  });

  it('need the verb of the request: a right to update is none to patch', async () => {
    const token = await tokenWith(['associated-node:update', 'arbitrary-node:update'], 'node-1');
    expect(await failure(write(devices('a.dev'), token))).toMatchObject({ code: 422 });
  });

  it('of other drivers are refused, also to remove them, while untouched ones do not matter', async () => {
    const token = await tokenWith(['associated-node:patch'], 'node-1');
    expect(await failure(write(devices('a.dev', 'b.dev'), token))).toMatchObject({ code: 422 });
    await write(devices('b.dev'));
    expect(await failure(write(devices('a.dev'), token))).toMatchObject({ code: 422 });
    await expect(write(devices('a.dev', 'b.dev'), token)).resolves.toBeDefined();
  });

  it('are written from any node with the other verb', async () => {
    const token = await tokenWith(['arbitrary-node:patch'], 'node-2');
    await expect(write(devices('a.dev'), token)).resolves.toBeDefined();
  });

  it('of a claim for several nodes are nobody’s who runs on one of them', async () => {
    await write({ status: { allocation: null } });
    await write({ status: { allocation: allocation(['node-1', 'node-2']) } });
    const token = await tokenWith(['associated-node:patch'], 'node-1');
    expect(await failure(write(devices('a.dev'), token))).toMatchObject({ code: 422 });
  });

  it('need nothing more than the status while the gate is off, as before 1.36', async () => {
    server.setFeatures({ DRAResourceClaimGranularStatusAuthorization: false });
    const token = await tokenWith([]);
    await expect(write(devices('a.dev', 'b.dev'), token)).resolves.toBeDefined();
  });
});

it('the allocation and the reservations need the right to bind', async () => {
  const token = await tokenWith(['associated-node:patch'], 'node-1');
  const reservedFor = [{ resource: 'pods', name: 'p', uid: 'u' }];
  for (const status of [{ allocation: null }, { reservedFor }]) {
    expect((await failure(write({ status }, token))).message).toContain(
      'changing status.allocation or status.reservedFor requires resource="resourceclaims/binding", verb="patch" permission: resourceclaims.resource.k8s.io is forbidden',
    );
  }
});
