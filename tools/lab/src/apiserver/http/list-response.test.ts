import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleClaim, exampleSlice, failure, PATHS, temporaryServer } from '../example-objects.ts';
import type { LabApiClient } from '../lab-api-client.ts';
import type { LabApiServer } from '../lab-api-server.ts';
import type { KubeObject } from '../objects/kube-object.ts';

let server: LabApiServer & AsyncDisposable;
let client: LabApiClient;

beforeAll(async () => {
  server = await temporaryServer();
  client = server.client({ userAgent: 'tester/1.0' });
});
afterAll(() => server[Symbol.asyncDispose]());

const post = <T = KubeObject>(path: string, body: unknown, query = {}) =>
  client.request<T>({ method: 'POST', path, body, query });
const remove = <T = KubeObject>(path: string, body?: unknown) =>
  client.request<T>({ method: 'DELETE', path, body });

describe('list', () => {
  it('selects by labels and by the fields that the resource offers', async () => {
    const names = async (query: Record<string, string>) =>
      (await client.list(PATHS.claims, query)).items.map(({ metadata }) => metadata.name);
    for (const [name, tier] of [
      ['red', 'a'],
      ['green', 'b'],
      ['blue', undefined],
    ] as const) {
      await post(PATHS.claims, {
        ...exampleClaim(name),
        metadata: { name, labels: { kind: 'colour', ...(tier === undefined ? {} : { tier }) } },
      });
    }
    expect(await names({ labelSelector: 'kind=colour' })).toEqual(['blue', 'green', 'red']);
    expect(await names({ labelSelector: 'kind=colour,tier!=a' })).toEqual(['blue', 'green']);
    expect(await names({ labelSelector: 'tier in (a, b)' })).toEqual(['green', 'red']);
    expect(await names({ labelSelector: 'kind=colour,!tier' })).toEqual(['blue']);
    expect(await names({ fieldSelector: 'metadata.name=red' })).toEqual(['red']);
    expect(await failure(client.list(PATHS.slices, { fieldSelector: 'spec.pool.name=x' }))).toMatchObject({
      code: 400,
      message:
        'Unable to find "resource.k8s.io/v1, Resource=resourceslices" that match label selector "", field selector "spec.pool.name=x": field label not supported: spec.pool.name',
    });
  });

  it('pages through one revision, whatever is written meanwhile', async () => {
    const query = { labelSelector: 'kind=colour', limit: 2 };
    const first = await client.list(PATHS.claims, query);
    expect(first.items.map(({ metadata }) => metadata.name)).toEqual(['blue', 'green']);
    expect(first.metadata.remainingItemCount).toBe(1);
    await remove(`${PATHS.claims}/red`);
    const token = first.metadata.continue ?? '';
    const second = await client.list(PATHS.claims, { ...query, continue: token });
    expect(second.items.map(({ metadata }) => metadata.name)).toEqual(['red']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    server.compact();
    await post(PATHS.claims, exampleClaim('later'));
    server.compact();
    expect(await failure(client.list(PATHS.claims, { ...query, continue: token }))).toMatchObject({
      code: 410,
      reason: 'Expired',
    });
  });

  it('shows an older revision exactly, and answers 504 for one in the future', async () => {
    const { metadata } = await client.list(PATHS.slices);
    await post(PATHS.slices, exampleSlice('newer', []));
    const exact = { resourceVersion: metadata.resourceVersion, resourceVersionMatch: 'Exact' };
    const { items } = await client.list(PATHS.slices, exact);
    expect(items.map((item) => item.metadata.name)).not.toContain('newer');
    expect(await failure(client.list(PATHS.slices, { resourceVersion: '999999' }))).toMatchObject({
      code: 504,
      details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
    });
  });
});
