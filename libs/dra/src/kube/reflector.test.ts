import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeResourceApi } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import type { KubernetesObject } from './kubernetes-object.ts';
import { Reflector } from './reflector.ts';

describe('Reflector', () => {
  let fake: FakeResourceApi;
  let abort: AbortController;
  let running: Promise<void>;
  let reflector: Reflector<KubernetesObject>;
  let errors: Error[];
  let changes: number;

  beforeEach(async () => {
    fake = await fakeResourceApi();
    errors = [];
    changes = 0;
    abort = new AbortController();
    running = Promise.resolve();
    reflector = new Reflector({
      api: fake.api,
      path: () => Promise.resolve('/apis/resource.k8s.io/v1/resourceslices'),
      query: { fieldSelector: 'spec.nodeName=worker' },
      onChange: () => changes++,
      onError: (error) => errors.push(error),
      backoff: { initialMs: 1, maximumMs: 10 },
    });
  });
  afterEach(async () => {
    abort.abort();
    await running;
    await fake.stop();
  });

  const put = (name: string, labels = {}, nodeName = 'worker') =>
    fake.putSlice({ metadata: { name, labels }, ...{ spec: { nodeName } } });
  const names = () =>
    reflector
      .items()
      .map(({ metadata }) => metadata.name)
      .sort();
  const count = (watch: boolean) =>
    fake.requests.filter(({ query }) => (query['watch'] === 'true') === watch).length;
  async function start(): Promise<void> {
    running = reflector.run(abort.signal);
    await expect.poll(() => count(true)).toBe(1);
  }

  it('has what the selector selects, and follows every change', async () => {
    put('a');
    put('elsewhere', {}, 'other');
    expect(reflector.synced).toBe(false);
    await start();
    expect(reflector.synced).toBe(true);
    expect(names()).toEqual(['a']);
    put('b');
    put('elsewhere', { x: 'y' }, 'other');
    fake.deleteSlice('a');
    await expect.poll(names).toEqual(['b']);
    expect(changes).toBe(3);
  });

  it('resumes an ended watch where it was, without listing again', async () => {
    await start();
    put('a');
    await expect.poll(names).toEqual(['a']);
    fake.endWatches();
    put('b');
    await expect.poll(names).toEqual(['a', 'b']);
    expect(count(false)).toBe(1);
    expect(errors).toEqual([]);
  });

  it('lists again when history is gone, and misses no deletion meanwhile', async () => {
    put('a');
    await start();
    fake.endWatches();
    fake.deleteSlice('a');
    put('b');
    fake.expireHistory();
    await expect.poll(names).toEqual(['b']);
    expect(count(false)).toBe(2);
    expect(errors).toEqual([]);
  });

  it('carries on after failures of list and watch, and reports them', async () => {
    const answers = [{ status: 403 }, { status: 500 }, 'hang up' as const];
    fake.intercept = () => answers.shift();
    put('a');
    running = reflector.run(abort.signal);
    await expect.poll(names).toEqual(['a']);
    fake.intercept = ({ query }) =>
      query['watch'] === 'true' ? [{ status: 503 }][count(true) - 2] : undefined;
    fake.endWatches();
    put('b');
    await expect.poll(names).toEqual(['a', 'b']);
    expect(errors.length).toBeGreaterThanOrEqual(2);
  });

  it('does not go back to an older version after an own write', async () => {
    const old = put('a', { v: 'old' });
    await start();
    const written = put('a', { v: 'new' });
    reflector.observe(written);
    reflector.observe(old);
    expect(reflector.items()).toEqual([written]);
  });

  it('does not bring back what was deleted when an older event arrives late', async () => {
    const first = put('a');
    await start();
    reflector.forget(first.metadata.uid);
    // The event of a change that happened before our deletion; then that of the deletion; then someone else's new object.
    put('a', { late: 'yes' });
    put('marker');
    await expect.poll(names).toEqual(['marker']);
    fake.deleteSlice('a');
    put('a');
    await expect.poll(names).toEqual(['a', 'marker']);
  });

  it('tells about own writes at once and not a second time when the watch does', async () => {
    await start();
    changes = 0;
    reflector.observe(put('a'));
    expect(changes).toBe(1);
    put('b');
    await expect.poll(names).toEqual(['a', 'b']);
    expect(changes).toBe(2);
  });

  it('does not ask in a busy loop when every watch ends at once', async () => {
    fake.intercept = ({ query }) => {
      if (query['watch'] === 'true') setTimeout(() => fake.endWatches(), 0);
      return undefined;
    };
    running = reflector.run(abort.signal);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(count(true)).toBeLessThan(60);
  });
});
