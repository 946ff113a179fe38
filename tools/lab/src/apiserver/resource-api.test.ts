import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  exampleClaim,
  exampleDevice,
  examplePod,
  exampleSlice,
  failure,
  PATHS,
  temporaryServer,
} from './example-objects.ts';
import type { LabApiClient } from './lab-api-client.ts';
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
const patch = (path: string, body: unknown) =>
  client.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
const remove = <T = KubeObject>(path: string, body?: unknown) =>
  client.request<T>({ method: 'DELETE', path, body });

describe('create', () => {
  it('fills in metadata and makes a name from a prefix, cut to 63 characters', async () => {
    const generateName = `0-example.dev-${'n'.repeat(60)}-`;
    const body = { ...exampleSlice('', []), metadata: { generateName } };
    const { metadata } = await post(PATHS.slices, body);
    expect(metadata.name).toMatch(/^0-example\.dev-n+[a-z0-9]{5}$/);
    expect(metadata.name).toHaveLength(63);
    expect(metadata).toMatchObject({ generation: 1, generateName });
    expect(metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(metadata.creationTimestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    await remove(`${PATHS.slices}/${metadata.name ?? ''}`);
  });

  it('answers 409 AlreadyExists for a taken name', async () => {
    await post(PATHS.slices, exampleSlice('taken', []));
    expect(await failure(post(PATHS.slices, exampleSlice('taken', [])))).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: 'resourceslices.resource.k8s.io "taken" already exists',
      reason: 'AlreadyExists',
      details: { name: 'taken', group: 'resource.k8s.io', kind: 'resourceslices' },
      code: 409,
    });
  });

  it('needs the namespace', async () => {
    const path = PATHS.claims.replace('/default/', '/nowhere/');
    expect(await failure(post(path, exampleClaim('x')))).toMatchObject({
      code: 404,
      message: 'namespaces "nowhere" not found',
    });
  });

  it('refuses a body in another version, of another kind, or that is no JSON', async () => {
    const v1beta1 = { ...exampleSlice('x', []), apiVersion: 'resource.k8s.io/v1beta1' };
    expect((await failure(post(PATHS.slices, v1beta1))).message).toBe(
      'the API version in the data (resource.k8s.io/v1beta1) does not match the expected API version (resource.k8s.io/v1)',
    );
    const other = { ...exampleSlice('x', []), kind: 'ResourceClaim' };
    expect(await failure(post(PATHS.slices, other))).toMatchObject({ code: 400, reason: 'BadRequest' });
    const text = client.request({ method: 'POST', path: PATHS.slices, body: 'x', contentType: 'text/plain' });
    expect(await failure(text)).toMatchObject({ code: 415, reason: 'UnsupportedMediaType' });
  });

  it('refuses a value of the wrong type', async () => {
    const body = exampleSlice('x', [], { pool: { name: 'p', generation: '1', resourceSliceCount: 1 } });
    const { code, message } = await failure(post(PATHS.slices, body));
    expect(code).toBe(400);
    expect(message).toContain('spec.pool.generation');
  });

  it('drops unknown fields, and refuses them when asked to be strict', async () => {
    const body = exampleSlice('odd', [{ ...exampleDevice('a'), basic: { x: 1 } }]);
    const strict = await failure(post(PATHS.slices, body, { fieldValidation: 'Strict' }));
    expect(strict.message).toContain('strict decoding error: unknown field "spec.devices[0].basic"');
    const { spec } = await post<{ spec: { devices: unknown[] } }>(PATHS.slices, body);
    expect(spec.devices).toEqual([exampleDevice('a')]);
  });

  it('makes quantities canonical', async () => {
    const capacity = { bandwidth: { value: '1000M' }, memory: { value: '1024Ki' }, share: { value: 0.5 } };
    const { spec } = await post<{ spec: { devices: { capacity: unknown }[] } }>(
      PATHS.slices,
      exampleSlice('quantities', [{ name: 'a', capacity }]),
    );
    expect(spec.devices[0]?.capacity).toEqual({
      bandwidth: { value: '1G' },
      memory: { value: '1Mi' },
      share: { value: '500m' },
    });
  });

  it('keeps nothing of a dry run', async () => {
    await post(PATHS.slices, exampleSlice('dry', []), { dryRun: 'All' });
    expect(await failure(get(`${PATHS.slices}/dry`))).toMatchObject({ code: 404 });
  });
});

describe('update', () => {
  it('answers 409 Conflict for a stale resourceVersion and changes nothing', async () => {
    const first = await post(PATHS.slices, exampleSlice('stale', []));
    await put(`${PATHS.slices}/stale`, { ...first, metadata: { ...first.metadata, labels: { a: 'b' } } });
    expect(await failure(put(`${PATHS.slices}/stale`, first))).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on resourceslices.resource.k8s.io "stale": the object has been modified; please apply your changes to the latest version and try again',
    });
    expect((await get(`${PATHS.slices}/stale`)).metadata.labels).toEqual({ a: 'b' });
  });

  it('counts changes of the spec in the generation, not those of metadata', async () => {
    const { metadata } = await post(PATHS.slices, exampleSlice('counted', []));
    const changed = exampleSlice('counted', [exampleDevice('a')]);
    expect((await put(`${PATHS.slices}/counted`, changed)).metadata.generation).toBe(2);
    const labelled = { ...changed, metadata: { name: 'counted', labels: { a: 'b' } } };
    const after = (await put(`${PATHS.slices}/counted`, labelled)).metadata;
    expect(after.generation).toBe(2);
    expect(Number(after.resourceVersion)).toBeGreaterThan(Number(metadata.resourceVersion));
  });

  it('does not write when nothing changes', async () => {
    const body = exampleSlice('same', [exampleDevice('a')]);
    const first = await post(PATHS.slices, body);
    const again = await put(`${PATHS.slices}/same`, { ...body, metadata: { name: 'same', labels: {} } });
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('refuses the UID of a predecessor', async () => {
    const { metadata, ...body } = await post(PATHS.slices, exampleSlice('renewed', []));
    const old = { ...body, metadata: { name: 'renewed', uid: '00000000-0000-4000-8000-000000000000' } };
    expect(await failure(put(`${PATHS.slices}/renewed`, old))).toMatchObject({ code: 409 });
    expect(metadata.uid).toBeDefined();
  });

  it('refuses names that differ from the path', async () => {
    await post(PATHS.slices, exampleSlice('named', []));
    expect((await failure(put(`${PATHS.slices}/named`, exampleSlice('other', [])))).message).toBe(
      'the name of the object (other) does not match the name on the URL (named)',
    );
  });
});

describe('merge patch', () => {
  it('merges members, removes with null and replaces lists', async () => {
    const body = { ...exampleSlice('merged', [exampleDevice('a')]) };
    await post(PATHS.slices, { ...body, metadata: { name: 'merged', labels: { keep: '1', drop: '2' } } });
    const patched = await patch(`${PATHS.slices}/merged`, {
      metadata: { labels: { drop: null, add: '3' } },
      spec: { devices: [exampleDevice('b')] },
    });
    expect(patched.metadata.labels).toEqual({ keep: '1', add: '3' });
    expect(patched.spec).toMatchObject({ devices: [{ name: 'b' }] });
  });

  it('answers 415 for a patch type that it does not read', async () => {
    const request = client.request({
      method: 'PATCH',
      path: `${PATHS.slices}/merged`,
      body: {},
      contentType: 'application/strategic-merge-patch+json',
    });
    expect(await failure(request)).toMatchObject({ code: 415 });
  });
});

describe('delete', () => {
  it('answers 409 when a precondition fails, 404 when there is nothing', async () => {
    const { metadata } = await post(PATHS.slices, exampleSlice('guarded', []));
    const path = `${PATHS.slices}/guarded`;
    expect(await failure(remove(path, { preconditions: { uid: 'other' } }))).toMatchObject({
      code: 409,
      reason: 'Conflict',
    });
    expect(await failure(remove(path, { preconditions: { resourceVersion: '1' } }))).toMatchObject({
      code: 409,
    });
    const { uid, resourceVersion } = metadata;
    expect(await remove(path, { preconditions: { uid, resourceVersion } })).toMatchObject({
      kind: 'ResourceSlice',
    });
    expect(await failure(remove(path))).toMatchObject({ code: 404, reason: 'NotFound' });
  });

  it('waits for finalizers', async () => {
    const claim = exampleClaim('held');
    await post(PATHS.claims, { ...claim, metadata: { name: 'held', finalizers: ['example.dev/held'] } });
    const marked = await remove(`${PATHS.claims}/held`);
    expect(marked.metadata.deletionTimestamp).toBeDefined();
    await get(`${PATHS.claims}/held`);
    await patch(`${PATHS.claims}/held`, { metadata: { finalizers: null } });
    expect(await failure(get(`${PATHS.claims}/held`))).toMatchObject({ code: 404 });
  });

  it('gives a pod on a node its grace period, one without a node none', async () => {
    await post(PATHS.pods, examplePod('loose'));
    await remove(`${PATHS.pods}/loose`);
    expect(await failure(get(`${PATHS.pods}/loose`))).toMatchObject({ code: 404 });
    await post(PATHS.pods, examplePod('bound', [], { nodeName: 'node-1' }));
    const { metadata } = await remove(`${PATHS.pods}/bound`);
    expect(metadata).toMatchObject({ deletionGracePeriodSeconds: 30 });
    await remove(`${PATHS.pods}/bound`, { gracePeriodSeconds: 0 });
    expect(await failure(get(`${PATHS.pods}/bound`))).toMatchObject({ code: 404 });
  });

  it('deletes a collection by selector', async () => {
    const nodeName = 'node-2';
    const pool = (name: string) => ({ nodeName, pool: { name, generation: 1, resourceSliceCount: 1 } });
    await post(PATHS.slices, exampleSlice('mine', [], { ...pool('a'), driver: 'mine.dev' }));
    await post(PATHS.slices, exampleSlice('theirs', [], { ...pool('b'), driver: 'theirs.dev' }));
    await client.request({
      method: 'DELETE',
      path: PATHS.slices,
      query: { fieldSelector: `spec.nodeName=${nodeName},spec.driver=mine.dev` },
    });
    const { items } = await client.list(PATHS.slices, { fieldSelector: `spec.nodeName=${nodeName}` });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['theirs']);
  });

  it('takes everything in a namespace with it', async () => {
    await post('/api/v1/namespaces', { metadata: { name: 'brief' } });
    const path = PATHS.claims.replace('/default/', '/brief/');
    await post(path, exampleClaim('inside'));
    await remove('/api/v1/namespaces/brief');
    expect(await failure(get(`${path}/inside`))).toMatchObject({ code: 404 });
  });
});
