import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleDevice, exampleSlice, PATHS, temporaryServer } from './example-objects.ts';
import type { ApiRequest, LabApiClient, WatchEvent } from './lab-api-client.ts';
import type { LabApiServer } from './lab-api-server.ts';
import type { KubeObject } from './objects/kube-object.ts';

let server: LabApiServer & AsyncDisposable;
let client: LabApiClient;

beforeEach(async () => {
  server = await temporaryServer({ bookmarkIntervalMs: 3_600_000 });
  client = server.client();
});
afterEach(() => server[Symbol.asyncDispose]());

/** Reads the given number of events, or until the server ends the watch. */
async function events(
  query: NonNullable<ApiRequest['query']>,
  count = Infinity,
  started?: () => void,
): Promise<WatchEvent<KubeObject>[]> {
  const found: WatchEvent<KubeObject>[] = [];
  const stop = new AbortController();
  const stream = client.watch({ path: PATHS.slices, query, signal: stop.signal });
  const next = stream.next();
  if (started !== undefined) await opened(1).then(started);
  for (let item = await next; item.done !== true; item = await stream.next()) {
    found.push(item.value);
    if (found.length >= count) break;
  }
  stop.abort();
  await stream.return(undefined);
  await opened(0);
  return found;
}

/** Waits until the server has so many open watches. */
async function opened(count: number): Promise<void> {
  while (server.openWatches !== count) await new Promise((resolve) => setTimeout(resolve, 2));
}

const summary = (list: readonly WatchEvent<KubeObject>[]) =>
  list.map(({ type, object }) => `${type} ${object.metadata.name ?? ''}`);

async function create(name: string, labels: Record<string, string> = {}): Promise<KubeObject> {
  const slice = exampleSlice(name, []);
  return client.request({
    method: 'POST',
    path: PATHS.slices,
    body: { ...slice, metadata: { name, labels } },
  });
}

async function label(name: string, labels: Record<string, string | null>): Promise<void> {
  await client.request({
    method: 'PATCH',
    path: `${PATHS.slices}/${name}`,
    body: { metadata: { labels } },
    contentType: 'application/merge-patch+json',
  });
}

const remove = (name: string) => client.request({ method: 'DELETE', path: `${PATHS.slices}/${name}` });

describe('watch', () => {
  it('delivers what happened after the revision of a list', async () => {
    await create('before');
    const { metadata } = await client.list(PATHS.slices);
    await create('a');
    await label('a', { x: '1' });
    await remove('before');
    const list = await events({ resourceVersion: metadata.resourceVersion }, 3);
    expect(summary(list)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED before']);
    const versions = list.map(({ object }) => Number(object.metadata.resourceVersion));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(versions[0]).toBeGreaterThan(Number(metadata.resourceVersion));
  });

  it('begins with what is there when no revision is given', async () => {
    await create('a');
    await create('b');
    expect(summary(await events({}, 2))).toEqual(['ADDED a', 'ADDED b']);
  });

  it('delivers what happens while it is open', async () => {
    const { metadata } = await client.list(PATHS.slices);
    const list = await events({ resourceVersion: metadata.resourceVersion }, 1, () => void create('live'));
    expect(summary(list)).toEqual(['ADDED live']);
  });

  it('shows objects that enter a selection as added and those that leave it as deleted', async () => {
    const { metadata } = await client.list(PATHS.slices);
    await create('a', { in: 'no' });
    await label('a', { other: '0' });
    await label('a', { in: 'yes' });
    await label('a', { other: '1' });
    await label('a', { in: 'no' });
    const query = { resourceVersion: metadata.resourceVersion, labelSelector: 'in=yes' };
    const list = await events(query, 3);
    expect(summary(list)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    expect(list[2]?.object.metadata.labels).toEqual({ in: 'yes', other: '1' });
    const now = await client.list(PATHS.slices);
    expect(list[2]?.object.metadata.resourceVersion).toBe(now.metadata.resourceVersion);
  });

  it('filters by field', async () => {
    const { metadata } = await client.list(PATHS.slices);
    await client.request({
      method: 'POST',
      path: PATHS.slices,
      body: exampleSlice('other', [], { driver: 'other.dev' }),
    });
    await create('ours');
    const query = { resourceVersion: metadata.resourceVersion, fieldSelector: 'spec.driver=example.dev' };
    expect(summary(await events(query, 1))).toEqual(['ADDED ours']);
  });

  it('sends bookmarks to those who allow them, with the revision of the whole store', async () => {
    const { metadata } = await client.list(PATHS.slices);
    await client.request({ method: 'POST', path: PATHS.nodes, body: { metadata: { name: 'n' } } });
    const query = { resourceVersion: metadata.resourceVersion, allowWatchBookmarks: true };
    const [bookmark] = await events(query, 1, () => server.sendBookmarks());
    expect(bookmark).toMatchObject({ type: 'BOOKMARK', object: { kind: 'ResourceSlice' } });
    expect(bookmark?.object.metadata.resourceVersion).toBe(String(server.store.revision));
  });

  it('marks the end of the initial events with a bookmark', async () => {
    await create('a');
    const list = await events(
      { sendInitialEvents: true, allowWatchBookmarks: true, resourceVersionMatch: 'NotOlderThan' },
      2,
    );
    expect(summary(list)).toEqual(['ADDED a', 'BOOKMARK ']);
    expect(list[1]?.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
  });

  it('ends after the time-out, with a bookmark where allowed', async () => {
    const { metadata } = await client.list(PATHS.slices);
    const query = { resourceVersion: metadata.resourceVersion, timeoutSeconds: 1, allowWatchBookmarks: true };
    expect((await events(query)).map(({ type }) => type)).toEqual(['BOOKMARK']);
  });

  it('reports a compacted revision as a 410 error event', async () => {
    const { metadata } = await client.list(PATHS.slices);
    await create('a');
    server.compact();
    const list = await events({ resourceVersion: metadata.resourceVersion });
    expect(list).toMatchObject([{ type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } }]);
  });

  it('answers 410 to the start of a watch when set to', async () => {
    await using strict = await temporaryServer({ expiredWatchAnswer: 'status' });
    strict.store.compact();
    const watch = strict.client().watch({ path: PATHS.slices, query: { resourceVersion: 1 } });
    await expect(watch.next()).rejects.toMatchObject({ code: 410, status: { reason: 'Expired' } });
  });

  it('can be expired, ended and silenced while open', async () => {
    const { metadata } = await client.list(PATHS.slices);
    const query = { resourceVersion: metadata.resourceVersion };
    expect(await events(query, Infinity, () => server.expireWatches())).toMatchObject([
      { type: 'ERROR', object: { code: 410 } },
    ]);
    expect(await events(query, Infinity, () => server.endWatches())).toEqual([]);
    const stop = new AbortController();
    const silent = client.watch({ path: PATHS.slices, query, signal: stop.signal }).next();
    await opened(1);
    server.silenceWatches();
    await create('unseen');
    const quiet = new Promise((resolve) => setTimeout(() => resolve('nothing'), 100));
    expect(await Promise.race([silent, quiet])).toBe('nothing');
    stop.abort();
    await silent;
  });
});

describe('list and watch', () => {
  const operation = fc.record({
    kind: fc.constantFrom('create', 'update', 'delete', 'other'),
    name: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom('1', '2', '3'),
  });

  it('reproduce the final state from any revision in between', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(operation, { minLength: 1, maxLength: 12 }),
        fc.nat(),
        async (operations, pick) => {
          const snapshots = [await client.list(PATHS.slices)];
          for (const { kind, name, value } of operations) {
            const body = { ...exampleSlice(name, [exampleDevice(`d${value}`)]) };
            const path = `${PATHS.slices}/${name}`;
            const exists = snapshots.at(-1)?.items.some(({ metadata }) => metadata.name === name) === true;
            if (kind === 'create' && !exists)
              await client.request({ method: 'POST', path: PATHS.slices, body });
            if (kind === 'update' && exists) await client.request({ method: 'PUT', path, body });
            if (kind === 'delete' && exists) await client.request({ method: 'DELETE', path });
            if (kind === 'other') {
              const metadata = { generateName: 'n-' };
              await client.request({ method: 'POST', path: PATHS.nodes, body: { metadata } });
            }
            snapshots.push(await client.list(PATHS.slices));
          }
          const start = snapshots[pick % snapshots.length];
          const final = snapshots.at(-1);
          const state = new Map(start?.items.map((item) => [item.metadata.name, version(item)]));
          const query = { resourceVersion: start?.metadata.resourceVersion ?? '', allowWatchBookmarks: true };
          await replay(state, query);
          expect(Object.fromEntries(state)).toEqual(
            Object.fromEntries(final?.items.map((item) => [item.metadata.name, version(item)]) ?? []),
          );
        },
      ),
      { numRuns: 25 },
    );
  });

  const version = ({ metadata, spec }: KubeObject) => JSON.stringify([metadata.resourceVersion, spec]);

  /** Applies the events of a watch until a bookmark says that it is up to date. */
  async function replay(
    state: Map<string | undefined, string>,
    query: ApiRequest['query'] & object,
  ): Promise<void> {
    const list = await (async () => {
      const stop = new AbortController();
      const found: WatchEvent<KubeObject>[] = [];
      const stream = client.watch({ path: PATHS.slices, query, signal: stop.signal });
      const first = stream.next();
      await opened(1);
      server.sendBookmarks();
      for (let item = await first; item.done !== true; item = await stream.next()) {
        if (item.value.type === 'BOOKMARK') break;
        found.push(item.value);
      }
      stop.abort();
      await stream.return(undefined);
      await opened(0);
      return found;
    })();
    for (const { type, object } of list) {
      if (type === 'DELETED') state.delete(object.metadata.name);
      else state.set(object.metadata.name, version(object));
    }
  }
});
