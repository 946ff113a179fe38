import { afterAll, beforeAll, expect, it } from 'vitest';
import { causes, exampleSlice, failure, PATHS, temporaryServer } from '../example-objects.ts';
import type { LabApiClient } from '../lab-api-client.ts';
import type { LabApiServer } from '../lab-api-server.ts';

const rbac = '/apis/rbac.authorization.k8s.io/v1';
const serviceAccount = { namespace: 'default', name: 'driver' };

let server: LabApiServer & AsyncDisposable;
let driver: LabApiClient;
beforeAll(async () => {
  server = await temporaryServer();
  await post('/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'driver' } });
  driver = server.client({ token: server.issueToken({ serviceAccount }), userAgent: 'driver' });
});
afterAll(() => server[Symbol.asyncDispose]());

const post = (path: string, body: unknown) => server.client().request({ method: 'POST', path, body });
const grant = (name: string, rules: readonly object[], subject: object) =>
  Promise.all([
    post(`${rbac}/clusterroles`, { metadata: { name }, rules }),
    post(`${rbac}/clusterrolebindings`, {
      metadata: { name },
      subjects: [subject],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    }),
  ]);
const slices = (verbs: readonly string[]) => ({
  apiGroups: ['resource.k8s.io'],
  resources: ['resourceslices'],
  verbs,
});
const account = { kind: 'ServiceAccount', ...serviceAccount };

it('what no rule grants is 403 in the words of the real server, whether or not it exists', async () => {
  expect(await failure(driver.list(PATHS.slices))).toEqual({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message:
      'resourceslices.resource.k8s.io is forbidden: User "system:serviceaccount:default:driver" cannot list resource "resourceslices" in API group "resource.k8s.io" at the cluster scope',
    reason: 'Forbidden',
    details: { group: 'resource.k8s.io', kind: 'resourceslices' },
    code: 403,
  });
  expect(await failure(driver.list('/apis/no.such.group/v1/things'))).toMatchObject({ code: 403 });
  expect(await failure(driver.request({ method: 'GET', path: '/metrics' }))).toMatchObject({ code: 403 });
});

it('discovery and health are open to everyone who is authenticated', async () => {
  for (const path of ['/api', '/api/v1', '/apis', '/apis/resource.k8s.io', '/version']) {
    await expect(driver.request({ method: 'GET', path })).resolves.toBeDefined();
  }
});

it('a granted request is served, others of the same resource are not, and a taken role takes effect at once', async () => {
  await grant('reader', [slices(['list', 'watch'])], account);
  await expect(driver.list(PATHS.slices)).resolves.toMatchObject({ items: [] });
  const create = { method: 'POST', path: PATHS.slices, body: exampleSlice('a', []) };
  expect(await failure(driver.request(create))).toMatchObject({ code: 403 });
  expect(server.store.list('resourceslices.resource.k8s.io')).toEqual([]);
  await server.client().request({ method: 'DELETE', path: `${rbac}/clusterroles/reader` });
  expect((await failure(driver.list(PATHS.slices))).message).toMatch(
    /at the cluster scope: RBAC: clusterrole\.rbac\.authorization\.k8s\.io "reader" not found$/,
  );
});

it('grants reach service accounts by their groups', async () => {
  await grant('everyone', [slices(['get'])], { kind: 'Group', name: 'system:serviceaccounts:default' });
  const get = { method: 'GET', path: `${PATHS.slices}/none` };
  expect(await failure(driver.request(get))).toMatchObject({ code: 404 });
});

it('an apply patch that would create the object needs create as well', async () => {
  await grant('patcher', [slices(['patch'])], account);
  const apply = {
    method: 'PATCH',
    path: `${PATHS.slices}/applied`,
    query: { fieldManager: 'driver' },
    contentType: 'application/apply-patch+yaml',
    body: exampleSlice('applied', []),
  };
  expect((await failure(driver.request(apply))).message).toContain('cannot create resource "resourceslices"');
  await post(PATHS.slices, exampleSlice('applied', []));
  await expect(driver.request({ ...apply, query: { ...apply.query, force: true } })).resolves.toBeDefined();
});

it('the record of a request has what was asked and answered', async () => {
  server.requests.length = 0;
  await failure(driver.list(PATHS.nodes));
  expect(server.requests).toMatchObject([
    {
      user: 'system:serviceaccount:default:driver',
      status: 403,
      checks: [{ access: { verb: 'list', group: '', resource: 'nodes' }, allowed: false }],
    },
  ]);
});

it('roles and bindings that make no sense are refused', async () => {
  const role = { metadata: { name: 'bad' }, rules: [{ verbs: [], apiGroups: [''] }] };
  expect(await causes(post(`${rbac}/clusterroles`, role))).toEqual([
    'rules[0].verbs: Required value: verbs must contain at least one value',
    'rules[0].resources: Required value: resource rules must supply at least one resource',
  ]);
  const binding = {
    metadata: { name: 'bad' },
    subjects: [{ kind: 'ServiceAccount', name: 'driver' }],
    roleRef: { kind: 'Role', name: 'x' },
  };
  expect(await causes(post(`${rbac}/clusterrolebindings`, binding))).toEqual([
    'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    'subjects[0].namespace: Required value',
  ]);
});

it('the role of a binding is fixed', async () => {
  await grant('fixed', [slices(['get'])], account);
  const path = `${rbac}/clusterrolebindings/fixed`;
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'other' };
  const change = { method: 'PUT', path, body: { metadata: { name: 'fixed' }, roleRef } };
  expect((await causes(server.client().request(change))).join()).toContain('cannot change roleRef');
});
