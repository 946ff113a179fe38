import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeResourceApi } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import type { ApiError } from '../kube/api-error.ts';
import type { RateLimit } from '../events/token-bucket.ts';
import type { Device, DevicePool } from './device.ts';
import { ResourceSlicePublisher } from './resource-slice-publisher.ts';
import type { ResourceSlice } from './resource-slice.ts';

const driverName = 'toys.example.com';

function device(name: string, more: Partial<Device> = {}): Device {
  return { name, attributes: { size: { int: 1 } }, ...more };
}

function devices(count: number, more: Partial<Device> = {}): Device[] {
  return Array.from({ length: count }, (_, i) => device(`d${String(i).padStart(4, '0')}`, more));
}

// What the API server can tell of a publisher is in ../conformance.
describe('ResourceSlicePublisher', () => {
  let fake: FakeResourceApi;
  let stops: (() => Promise<void>)[];
  let errors: Error[];

  beforeEach(async () => {
    stops = [];
    errors = [];
    fake = await fakeResourceApi();
    fake.addNode('worker');
  });
  afterEach(async () => {
    for (const stop of stops) await stop();
    await fake.stop();
  });

  function start(backoff = { initialMs: 5, maximumMs: 50 }, writes?: RateLimit) {
    const publisher = new ResourceSlicePublisher({
      api: fake.api,
      driverName,
      nodeName: 'worker',
      backoff,
      ...(writes === undefined ? {} : { writes }),
      onError: (error) => errors.push(error),
    });
    const abort = new AbortController();
    const running = publisher.run(abort.signal);
    const stop = async () => {
      abort.abort();
      await running;
    };
    stops.push(stop);
    return { publisher, stop };
  }

  async function publish(publisher: ResourceSlicePublisher, ...pools: DevicePool[]): Promise<void> {
    publisher.update(pools);
    await publisher.settled();
  }

  const pool = (content: readonly Device[], name = 'worker'): DevicePool => ({ name, devices: content });
  const slices = () => fake.slices<ResourceSlice>();
  const deviceNames = () =>
    slices()
      .flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => name))
      .sort();
  /** Methods of the writes since the last call. */
  let seenWrites = 0;
  beforeEach(() => (seenWrites = 0));
  const newWrites = () => {
    const methods = fake.writes.slice(seenWrites).map(({ method }) => method);
    seenWrites = fake.writes.length;
    return methods;
  };

  it('touches nothing before the first update', async () => {
    fake.putSlice({
      metadata: { name: 'old' },
      ...{
        spec: {
          driver: driverName,
          nodeName: 'worker',
          pool: { name: 'worker', generation: 1 },
          devices: [],
        },
      },
    });
    start();
    await expect.poll(() => fake.requests.some(({ query }) => query['watch'] === 'true')).toBe(true);
    expect(fake.writes).toEqual([]);
    expect(slices()).toHaveLength(1);
  });

  it('reports an attribute that cannot be published once and publishes the rest', async () => {
    const { publisher } = start();
    const bad = device('a', { attributes: { size: { int: 1 }, alias: { string: 'x'.repeat(100) } } });
    await publish(publisher, pool([bad]));
    await publish(publisher, pool([bad]));
    expect(slices()[0]?.spec.devices).toEqual([{ name: 'a', attributes: { size: { int: 1 } } }]);
    expect(errors.map(({ message }) => message)).toEqual([
      'Pool worker, device a: attribute alias left out: it has 100 bytes, at most 64 are allowed',
    ]);
  });

  it('overcomes conflicts, hang-ups and an API server that asks to wait', async () => {
    const { publisher } = start();
    await publish(publisher, pool([device('a')]));
    const answers = [
      { status: 409, body: { kind: 'Status', reason: 'Conflict' } },
      'hang up' as const,
      { status: 429, headers: { 'retry-after': '0' } },
      { status: 500 },
    ];
    fake.intercept = ({ method }) => (method === 'PUT' ? answers.shift() : undefined);
    await publish(publisher, pool([device('b')]));
    expect(answers).toEqual([]);
    expect(deviceNames()).toEqual(['b']);
    // A conflict is nobody's business, and a PUT that a kept-alive connection lost is repeated without a word.
    expect(errors.map(({ cause }) => (cause as ApiError).status)).toEqual([429, 500]);
  });

  it('does not hammer the API server while one write of a pool keeps failing', async () => {
    const { publisher } = start({ initialMs: 100, maximumMs: 100 });
    await publish(publisher, pool(devices(257)));
    const [, second] = slices()
      .map(({ metadata }) => metadata.name)
      .sort();
    fake.intercept = ({ method, path }) =>
      method === 'PUT' && path.endsWith(second!) ? { status: 500 } : undefined;
    publisher.update([pool(devices(257, { attributes: { size: { int: 9 } } }))]);
    await new Promise((resolve) => setTimeout(resolve, 400));
    // Of three slices the second one fails, so each attempt begins with a write that succeeds, whose echo must not be the cause of the next attempt. Pauses are 50 to 100 ms.
    expect(errors.length).toBeGreaterThan(1);
    expect(errors.length).toBeLessThanOrEqual(9);
    expect(fake.writes.length).toBeLessThanOrEqual(2 + 2 * 9);
  });

  it('gives way between corrections when someone else insists on another content', async () => {
    const { publisher } = start();
    await publish(publisher, pool([device('a')]));
    newWrites();
    const insist = setInterval(() => {
      const [slice] = slices();
      if (slice?.spec.devices?.[0]?.name === 'a') {
        fake.putSlice({ ...slice, ...{ spec: { ...slice.spec, devices: [{ name: 'theirs' }] } } });
      }
    }, 2);
    await new Promise((resolve) => setTimeout(resolve, 600));
    clearInterval(insist);
    expect(newWrites().length).toBeLessThanOrEqual(12);
    await expect.poll(deviceNames).toEqual(['a']);
  });

  it('writes what changes all the time at the pace that it is given, and the last state in the end', async () => {
    const { publisher } = start({ initialMs: 5, maximumMs: 50 }, { burst: 2, refillMs: 100 });
    await publish(publisher, pool([device('a')]));
    newWrites();
    const started = performance.now();
    for (let number = 1; number <= 50; number++) {
      publisher.update([pool([device('a', { attributes: { size: { int: number } } })])]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await publisher.settled();
    expect(slices()[0]?.spec.devices?.[0]?.attributes).toEqual({ size: { int: 50 } });
    // The first at once, then one each 100 ms of the quarter of a second and more that it took.
    const writes = newWrites().length;
    expect(writes).toBeGreaterThanOrEqual(3);
    expect(writes).toBeLessThanOrEqual(3 + (performance.now() - started) / 100);
  });

  it('sends an update within a tenth of a second', { retry: 2 }, async () => {
    const { publisher } = start();
    await publish(publisher, pool(devices(100)));
    const started = performance.now();
    await publish(publisher, pool(devices(100, { attributes: { size: { int: 2 } } })));
    expect(performance.now() - started).toBeLessThan(100);
  });
});
