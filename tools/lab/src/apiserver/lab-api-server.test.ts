import { request as httpsRequest } from 'node:https';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleClaim, examplePod, failure, PATHS, temporaryServer } from './example-objects.ts';
import { LabApiClient } from './lab-api-client.ts';
import type { LabApiServer } from './lab-api-server.ts';
import type { KubeObject } from './objects/kube-object.ts';

let server: LabApiServer & AsyncDisposable;
let client: LabApiClient;

beforeAll(async () => {
  server = await temporaryServer();
  client = server.client({ userAgent: 'tester/1.0' });
});
afterAll(() => server[Symbol.asyncDispose]());

const post = <T = KubeObject>(path: string, body: unknown, query = {}) =>
  client.request<T>({ method: 'POST', path, body, query });
const get = <T = KubeObject>(path: string) => client.request<T>({ method: 'GET', path });
const put = (path: string, body: unknown) => client.request({ method: 'PUT', path, body });
const remove = <T = KubeObject>(path: string, body?: unknown) =>
  client.request<T>({ method: 'DELETE', path, body });

describe('connection', () => {
  it('lets a client in that reads the kubeconfig', async () => {
    const other = LabApiClient.fromKubeconfig(server.kubeconfigPath);
    await expect(other.request({ method: 'GET', path: '/version' })).resolves.toMatchObject({ major: '1' });
    other.close();
  });

  it('answers 401 without the token', async () => {
    const code = await new Promise((resolve, reject) => {
      httpsRequest(`${server.url}/api`, { rejectUnauthorized: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .once('error', reject)
        .end();
    });
    expect(code).toBe(401);
  });

  it('records what a client asked in the words of RBAC', async () => {
    server.requests.length = 0;
    await get(PATHS.slices);
    await failure(
      client.request({ method: 'PUT', path: `${PATHS.claims}/x/status`, body: exampleClaim('x') }),
    );
    expect(server.requests).toMatchObject([
      {
        verb: 'list',
        resource: 'resourceslices',
        group: 'resource.k8s.io',
        userAgent: 'tester/1.0',
        status: 200,
      },
      { verb: 'update', resource: 'resourceclaims/status', namespace: 'default', name: 'x', status: 404 },
    ]);
  });
});

describe('discovery', () => {
  it('lists the groups, their versions and their resources', async () => {
    expect(await get('/api')).toMatchObject({ versions: ['v1'] });
    const { groups } = await get<{ groups: { name: string; preferredVersion: unknown }[] }>('/apis');
    expect(groups.find(({ name }) => name === 'resource.k8s.io')?.preferredVersion).toEqual({
      groupVersion: 'resource.k8s.io/v1',
      version: 'v1',
    });
    const { resources } = await get<{ resources: { name: string; namespaced: boolean }[] }>(
      '/apis/resource.k8s.io/v1beta1',
    );
    expect(resources.map(({ name }) => name)).toEqual([
      'deviceclasses',
      'resourceclaims',
      'resourceclaims/status',
      'resourceclaimtemplates',
      'resourceslices',
    ]);
  });

  it('does not know a version that is switched off', async () => {
    await using other = await temporaryServer({ resourceVersions: ['v1beta1'] });
    const list = other.client().request({ method: 'GET', path: '/apis/resource.k8s.io/v1/resourceslices' });
    expect(await failure(list)).toMatchObject({ code: 404, reason: 'NotFound' });
    expect(await other.client().request({ method: 'GET', path: '/apis/resource.k8s.io' })).toMatchObject({
      versions: [{ version: 'v1beta1' }],
    });
  });
});

describe('other answers', () => {
  it('answers 404 for unknown paths and 405 for methods that a path does not take', async () => {
    expect(await failure(get('/apis/example.dev/v1/things'))).toMatchObject({ code: 404 });
    expect(await failure(remove(`${PATHS.claims}/x/status`))).toMatchObject({
      code: 405,
      reason: 'MethodNotAllowed',
    });
  });

  it('shows the same event in both of its APIs', async () => {
    const involvedObject = { kind: 'Pod', namespace: 'default', name: 'p' };
    await post(PATHS.events, {
      metadata: { name: 'e' },
      involvedObject,
      reason: 'R',
      message: 'text',
      type: 'Normal',
    });
    expect(await get('/apis/events.k8s.io/v1/namespaces/default/events/e')).toMatchObject({
      apiVersion: 'events.k8s.io/v1',
      regarding: involvedObject,
      note: 'text',
    });
    const { items } = await client.list(PATHS.events, { fieldSelector: 'involvedObject.name=p' });
    expect(items).toHaveLength(1);
  });

  it('refuses an event outside the namespace of its object', async () => {
    const event = {
      metadata: { name: 'e2' },
      involvedObject: { kind: 'Pod', namespace: 'other', name: 'p' },
    };
    expect((await failure(post(PATHS.events, event))).details?.causes).toEqual([
      {
        reason: 'FieldValueInvalid',
        field: 'involvedObject.namespace',
        message: 'Invalid value: "other": does not match event.namespace',
      },
    ]);
  });

  it('binds a pod to a node once', async () => {
    await post(PATHS.pods, examplePod('binder'));
    const binding = { target: { kind: 'Node', name: 'node-1' } };
    await post(`${PATHS.pods}/binder/binding`, binding);
    expect((await get(`${PATHS.pods}/binder`)).spec).toMatchObject({ nodeName: 'node-1' });
    expect(await failure(post(`${PATHS.pods}/binder/binding`, binding))).toMatchObject({ code: 409 });
  });

  it('keeps spec and status apart', async () => {
    await post(PATHS.nodes, { metadata: { name: 'node-1' }, spec: { podCIDR: '10.0.0.0/24' } });
    await put(`${PATHS.nodes}/node-1/status`, { metadata: { name: 'node-1' }, spec: {}, status: { x: 1 } });
    await put(`${PATHS.nodes}/node-1`, { metadata: { name: 'node-1' }, spec: { podCIDR: 'x' }, status: {} });
    expect(await get(`${PATHS.nodes}/node-1`)).toMatchObject({ spec: { podCIDR: 'x' }, status: { x: 1 } });
  });
});
