// Long because: these are the numbered checks of one class, which share the rig at the top.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeResourceApi } from '../testing/index.ts';
import type { FakeResourceApi, FakeResourceApiOptions } from '../testing/index.ts';
import type { ApiError } from '../kube/api-error.ts';
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

const taint = { key: 'example.com/down', effect: 'NoSchedule' as const };

describe('ResourceSlicePublisher', () => {
  let fake: FakeResourceApi;
  let stops: (() => Promise<void>)[];
  let errors: Error[];

  beforeEach(async () => {
    stops = [];
    errors = [];
    await restart();
  });
  afterEach(async () => {
    for (const stop of stops) await stop();
    await fake.stop();
  });

  /** Another, empty API server. */
  async function restart(options?: FakeResourceApiOptions): Promise<void> {
    await fake?.stop();
    fake = await fakeResourceApi(options);
    fake.addNode('worker');
  }

  function start(backoff = { initialMs: 5, maximumMs: 50 }) {
    const publisher = new ResourceSlicePublisher({
      api: fake.api,
      driverName,
      nodeName: 'worker',
      backoff,
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
  const generations = () => slices().map(({ spec }) => spec.pool.generation);
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

  it('check 32: the first publish is owned by the node and names driver, node, pool and count', async () => {
    const { publisher } = start();
    await publish(publisher, pool([device('d')]));
    const node = await fake.api.request<{ metadata: { uid: string } }>({
      method: 'GET',
      path: '/api/v1/nodes/worker',
    });
    expect(slices()).toMatchObject([
      {
        apiVersion: 'resource.k8s.io/v1',
        kind: 'ResourceSlice',
        metadata: {
          name: expect.stringMatching(/^0-toys\.example\.com-worker-./),
          generateName: '0-toys.example.com-worker-',
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Node', name: 'worker', uid: node.metadata.uid, controller: true },
          ],
        },
        spec: {
          driver: driverName,
          nodeName: 'worker',
          pool: { name: 'worker', generation: 1, resourceSliceCount: 1 },
          devices: [{ name: 'd', attributes: { size: { int: 1 } } }],
        },
      },
    ]);
    const listed = fake.requests.find(({ path }) => path.endsWith('/resourceslices'));
    expect(listed?.query['fieldSelector']).toBe('spec.driver=toys.example.com,spec.nodeName=worker');
  });

  it('check 32: nothing to publish is published as an empty slice', async () => {
    const { publisher } = start();
    await publish(publisher, pool([]));
    expect(slices().map(({ spec }) => spec.devices ?? [])).toEqual([[]]);
  });

  it('check 33: no change makes no request, neither at once nor after a restart', async () => {
    const first = start();
    const content = devices(200, { capacity: { bandwidth: { value: '1000M' } }, bindingConditions: [] });
    await publish(first.publisher, pool(content));
    newWrites();
    const before = fake.requests.length;
    await publish(first.publisher, pool([...content].reverse()));
    expect(fake.requests).toHaveLength(before);
    await first.stop();
    expect(slices()).toHaveLength(2);

    const second = start();
    const amount = { bandwidth: { value: '1G' } };
    await publish(second.publisher, pool(content.map((one) => ({ ...one, capacity: amount }))));
    expect(newWrites()).toEqual([]);
    expect(errors).toEqual([]);
  });

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

  it('check 34: one changed slice is one PUT of the same generation', async () => {
    const { publisher } = start();
    const content = devices(200);
    await publish(publisher, pool(content));
    newWrites();
    await publish(
      publisher,
      pool([...content.slice(0, 199), device('d0199', { attributes: { size: { int: 2 } } })]),
    );
    expect(newWrites()).toEqual(['PUT']);
    expect(generations()).toEqual([1, 1]);
    await publish(publisher, pool(content.slice(1, 199)));
    expect(newWrites()).toEqual(['PUT', 'PUT']);
    expect(generations()).toEqual([2, 2]);
  });

  it('check 35: two changed slices, or one more, are a new generation for all', async () => {
    const { publisher } = start();
    const content = devices(128);
    await publish(publisher, pool(content));
    newWrites();
    await publish(publisher, pool(devices(129)));
    expect(newWrites()).toEqual(['PUT', 'POST']);
    expect(slices().map(({ spec }) => spec.pool)).toEqual([
      { name: 'worker', generation: 2, resourceSliceCount: 2 },
      { name: 'worker', generation: 2, resourceSliceCount: 2 },
    ]);
    await publish(publisher, pool(devices(129, { attributes: { size: { int: 2 } } })));
    expect(newWrites()).toEqual(['PUT', 'PUT']);
    expect(generations()).toEqual([3, 3]);
    await publish(publisher, pool(content));
    expect(newWrites()).toEqual(['DELETE', 'PUT']);
    expect(slices().map(({ spec }) => spec.pool)).toEqual([
      { name: 'worker', generation: 4, resourceSliceCount: 1 },
    ]);
  });

  it('check 36: slices of ours that someone else named are taken over or deleted', async () => {
    const spec = (name: string, generation: number) => ({
      driver: driverName,
      nodeName: 'worker',
      pool: { name, generation, resourceSliceCount: 1 },
      devices: [{ name: 'foreign' }],
    });
    fake.putSlice({ metadata: { name: 'by-hand' }, ...{ spec: spec('worker', 7) } });
    fake.putSlice({ metadata: { name: 'outdated' }, ...{ spec: spec('worker', 3) } });
    fake.putSlice({ metadata: { name: 'elsewhere' }, ...{ spec: { ...spec('w2', 3), nodeName: 'w2' } } });
    const { publisher } = start();
    await publish(publisher, pool([device('d')]));
    expect(newWrites()).toEqual(['DELETE', 'PUT']);
    expect(
      slices()
        .map(({ metadata }) => metadata.name)
        .sort(),
    ).toEqual(['by-hand', 'elsewhere']);
    const [taken] = slices();
    expect(taken?.spec.devices?.map(({ name }) => name)).toEqual(['d']);
    expect(taken?.spec.pool.generation).toBe(7);
    expect(taken?.metadata.ownerReferences).toMatchObject([{ kind: 'Node', name: 'worker' }]);
  });

  it('check 37: a slice deleted from outside is created again, an edited one corrected', async () => {
    const { publisher } = start();
    await publish(publisher, pool(devices(129)));
    fake.deleteSlice(slices()[0]!.metadata.name);
    await expect.poll(() => deviceNames().length).toBe(129);
    await expect.poll(generations).toEqual([2, 2]);
    const [edited] = slices();
    fake.putSlice({ ...edited!, ...{ spec: { ...edited!.spec, devices: [] } } });
    await expect.poll(() => deviceNames().length).toBe(129);
    expect(generations()).toEqual([2, 2]);
  });

  it('check 38: a pool that is no longer wanted is deleted, the others are left alone', async () => {
    const { publisher } = start();
    await publish(publisher, pool(devices(129)), pool([device('d')], 'worker/extra'));
    newWrites();
    await publish(publisher, pool([device('d')], 'worker/extra'));
    expect(newWrites()).toEqual(['DELETE', 'DELETE']);
    await publish(publisher);
    expect(newWrites()).toEqual(['DELETE']);
    expect(slices()).toEqual([]);
    const deletion = fake.writes.at(-1)?.body;
    expect(deletion).toMatchObject({
      preconditions: { uid: expect.any(String), resourceVersion: expect.any(String) },
    });
  });

  it('check 39: fields that the server drops are reported once and do not make it loop', async () => {
    await restart({
      admit: (object) => {
        const { spec } = object as unknown as ResourceSlice;
        const kept = (spec.devices ?? []).map(({ taints: _taints, bindsToNode: _binds, ...rest }) => rest);
        return { ...object, ...{ spec: { ...spec, devices: kept } } };
      },
    });
    const { publisher } = start();
    const tainted = devices(2, { taints: [taint], bindsToNode: true });
    await publish(publisher, pool(tainted));
    await publish(publisher, pool(tainted.map((one) => ({ ...one }))));
    expect(newWrites()).toEqual(['POST']);
    await publish(publisher, pool([...tainted, device('e', { taints: [taint] })]));
    expect(newWrites()).toEqual(['PUT']);
    expect(errors.map(({ message }) => message)).toEqual([
      'Pool worker: the API server dropped spec.devices[*].bindsToNode, spec.devices[*].taints; ' +
        'it does not know these fields or their feature is off',
    ]);
    // What is correct as the server has it is still defended.
    fake.deleteSlice(slices()[0]!.metadata.name);
    await expect.poll(() => deviceNames()).toEqual(['d0000', 'd0001', 'e']);
  });

  it('check 40: 129 devices make two slices, and so do 65 tainted ones', async () => {
    const { publisher } = start();
    await publish(publisher, pool(devices(129)), pool(devices(65, { taints: [taint] }), 'worker/tainted'));
    const counts = slices().map(({ spec }) => [
      spec.pool.name,
      spec.devices?.length,
      spec.pool.resourceSliceCount,
    ]);
    expect(counts.sort()).toEqual([
      ['worker', 1, 2],
      ['worker', 128, 2],
      ['worker/tainted', 1, 2],
      ['worker/tainted', 64, 2],
    ]);
    expect(
      slices()
        .map(({ metadata }) => metadata.generateName?.[0])
        .sort(),
    ).toEqual(['0', '0', '1', '1']);
  });

  it('check 41: a taint keeps the time at which the server first saw it', async () => {
    let clock = 0;
    await restart({
      admit: (object) => {
        const { spec } = object as unknown as ResourceSlice;
        const stamped = (spec.devices ?? []).map(({ taints = [], ...rest }) => ({
          ...rest,
          taints: taints.map((one) =>
            one.timeAdded ? one : { ...one, timeAdded: `2026-01-01T00:00:0${++clock}Z` },
          ),
        }));
        return { ...object, ...{ spec: { ...spec, devices: stamped } } };
      },
    });
    const { publisher } = start();
    const times = () =>
      slices().flatMap(({ spec }) => (spec.devices ?? []).map(({ taints }) => taints?.[0]?.timeAdded));
    await publish(publisher, pool([device('a', { taints: [taint] })]));
    expect(times()).toEqual(['2026-01-01T00:00:01Z']);
    await publish(publisher, pool([device('a', { taints: [{ ...taint }] })]));
    expect(newWrites()).toEqual(['POST']);
    await publish(publisher, pool([device('a', { taints: [taint] }), device('b', { taints: [taint] })]));
    expect(newWrites()).toEqual(['PUT']);
    expect(times()).toEqual(['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z']);
    await publish(publisher, pool([device('a', { taints: [{ ...taint, effect: 'NoExecute' }] })]));
    expect(times()).toEqual(['2026-01-01T00:00:03Z']);
    expect(errors).toEqual([]);
  });

  it('check 42: a duplicate device name writes nothing of that pool and is an error', async () => {
    const { publisher } = start();
    await publish(publisher, pool([device('a')]), pool([device('b')], 'worker/other'));
    newWrites();
    const duplicate = pool([device('a'), device('a', { attributes: { size: { int: 5 } } })]);
    await publish(publisher, duplicate, pool([], 'worker/other'));
    expect(newWrites()).toEqual(['PUT']);
    expect(deviceNames()).toEqual(['a']);
    await publish(publisher, duplicate, pool([], 'worker/other'));
    expect(errors.map(({ name }) => name)).toEqual(['DuplicateNameError']);
  });

  it.each([
    ['v1', (one: Device) => one],
    ['v1beta2', (one: Device) => one],
    ['v1beta1', ({ name, ...basic }: Device) => ({ name, basic })],
  ] as const)(
    'check 43: a server that only has %s gets its shape and is understood',
    async (version, shape) => {
      await restart({ versions: [version, 'v1alpha3'] });
      const one = device('a', {
        capacity: { bandwidth: { value: '1G' } },
        taints: [{ ...taint, timeAdded: '2026-01-01T00:00:00Z' }],
      });
      const first = start();
      await publish(first.publisher, pool([one]));
      expect(slices()).toMatchObject([
        { apiVersion: `resource.k8s.io/${version}`, spec: { devices: [shape(one)] } },
      ]);
      await first.stop();
      newWrites();
      const second = start();
      await publish(second.publisher, pool([one]));
      expect(newWrites()).toEqual([]);
      await publish(second.publisher, pool([device('a')]));
      expect(newWrites()).toEqual(['PUT']);
      expect(slices()).toMatchObject([{ spec: { devices: [shape(device('a'))] } }]);
      expect(errors).toEqual([]);
    },
  );

  it('check 44: slices wiped by the kubelet come back', async () => {
    const { publisher } = start();
    await publish(publisher, pool(devices(300)), pool([device('x')], 'worker/other'));
    for (const { metadata } of slices()) fake.deleteSlice(metadata.name);
    await expect.poll(() => deviceNames().length).toBe(301);
    fake.expireHistory();
    for (const { metadata } of slices()) fake.deleteSlice(metadata.name);
    await expect.poll(() => deviceNames().length).toBe(301);
  });

  it('check 44: a node that was re-created under its name owns the new slices', async () => {
    const { publisher } = start();
    await publish(publisher, pool([device('a')]));
    fake.deleteNode('worker');
    const node = fake.addNode('worker');
    fake.deleteSlice(slices()[0]!.metadata.name);
    await expect.poll(() => slices()[0]?.metadata.ownerReferences?.[0]?.uid).toBe(node.metadata.uid);
  });

  it('check 47: a refusal of the API server is surfaced, and publishing succeeds once it is lifted', async () => {
    fake.intercept = ({ method }) =>
      method === 'POST'
        ? { status: 403, body: { kind: 'Status', reason: 'Forbidden', message: 'no create' } }
        : undefined;
    const { publisher } = start();
    publisher.update([pool([device('a')])]);
    await expect.poll(() => errors.length).toBeGreaterThan(1);
    expect(errors[0]?.message).toBe(
      'ResourceSlices of pool worker are not published: POST /apis/resource.k8s.io/v1/resourceslices: ' +
        'the service account lacks a permission; check the driver’s ClusterRole (HTTP 403): no create',
    );
    fake.intercept = undefined;
    await publisher.settled();
    expect(deviceNames()).toEqual(['a']);
  });

  it('check 47: a refused list or watch is surfaced and repeated', async () => {
    fake.intercept = ({ path }) => (path.endsWith('/resourceslices') ? { status: 403 } : undefined);
    const { publisher } = start();
    publisher.update([pool([device('a')])]);
    await expect.poll(() => errors.length).toBeGreaterThan(1);
    fake.intercept = undefined;
    await publisher.settled();
    expect(deviceNames()).toEqual(['a']);
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

  it('sends an update within a tenth of a second', async () => {
    const { publisher } = start();
    await publish(publisher, pool(devices(100)));
    const started = performance.now();
    await publish(publisher, pool(devices(100, { attributes: { size: { int: 2 } } })));
    expect(performance.now() - started).toBeLessThan(100);
  });
});
