import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LabApiServerOptions } from '@patchbay/lab';
import { pause } from '@patchbay/lab';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';
import { ConformanceRig, driverName, nodeName } from './conformance-rig.ts';
import { device, deviceNames, devices, pool, publish, taint } from './published-devices.ts';

describe('ResourceSlices', () => {
  let rig: ConformanceRig;
  beforeEach(() => use());
  afterEach(() => rig.stop());

  /** Another API server. */
  async function use(options: Omit<LabApiServerOptions, 'directory'> = {}): Promise<void> {
    rig = await ConformanceRig.start(options);
  }

  const generations = () => rig.slices().map(({ spec }) => spec.pool.generation);
  const names = () => deviceNames(rig.slices());

  it('check 32: the first publish is owned by the node and names driver, node, pool and count', async () => {
    const { publisher } = rig.startPublisher();
    await publish(publisher, pool([device('d')]));
    const node = await rig.admin.request<KubernetesObject>({ method: 'GET', path: '/api/v1/nodes/worker' });
    expect(rig.slices()).toMatchObject([
      {
        metadata: {
          name: expect.stringMatching(/^0-toys\.example\.com-worker-./),
          generateName: '0-toys.example.com-worker-',
          ownerReferences: [
            { apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid, controller: true },
          ],
        },
        spec: {
          driver: driverName,
          nodeName,
          pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
          devices: [{ name: 'd', attributes: { size: { int: 1 } } }],
        },
      },
    ]);
    const selectors = rig.driverRequests
      .filter(({ verb }) => ['list', 'watch'].includes(verb))
      .map(({ verb, query }) => [verb, query['fieldSelector']]);
    const own = `spec.driver=${driverName},spec.nodeName=${nodeName}`;
    expect(selectors).toEqual([
      ['list', own],
      ['watch', own],
    ]);
  });

  it('check 32: nothing to publish is published as an empty slice', async () => {
    const { publisher } = rig.startPublisher();
    await publish(publisher, pool([]));
    expect(rig.slices().map(({ spec }) => spec.devices ?? [])).toEqual([[]]);
  });

  it('check 33: no change makes no request, neither at once nor after a restart', async () => {
    const first = rig.startPublisher();
    const content = devices(200, { capacity: { bandwidth: { value: '1000M' } }, bindingConditions: [] });
    await publish(first.publisher, pool(content));
    // The watch follows the list.
    await expect.poll(() => rig.server.openWatches).toBe(1);
    rig.newWrites();
    const before = rig.driverRequests.length;
    await publish(first.publisher, pool([...content].reverse()));
    expect(rig.driverRequests).toHaveLength(before);
    await first.stop();
    expect(rig.slices()).toHaveLength(2);

    const second = rig.startPublisher();
    const amount = { bandwidth: { value: '1G' } };
    await publish(second.publisher, pool(content.map((one) => ({ ...one, capacity: amount }))));
    expect(rig.newWrites()).toEqual([]);
    expect([first.errors, second.errors]).toEqual([[], []]);
  });

  it('check 34: one changed slice is one PUT of the same generation', async () => {
    const { publisher } = rig.startPublisher();
    const content = devices(200);
    await publish(publisher, pool(content));
    rig.newWrites();
    const changed = device('d0199', { attributes: { size: { int: 2 } } });
    await publish(publisher, pool([...content.slice(0, 199), changed]));
    expect(rig.newWrites()).toEqual(['PUT']);
    expect(generations()).toEqual([1, 1]);
  });

  it('check 35: two changed slices, or one more or less, are a new generation for all', async () => {
    const { publisher } = rig.startPublisher();
    await publish(publisher, pool(devices(128)));
    rig.newWrites();
    await publish(publisher, pool(devices(129)));
    expect(rig.newWrites()).toEqual(['PUT', 'POST']);
    const generation2 = { name: nodeName, generation: 2, resourceSliceCount: 2 };
    expect(rig.slices().map(({ spec }) => spec.pool)).toEqual([generation2, generation2]);
    await publish(publisher, pool(devices(129, { attributes: { size: { int: 2 } } })));
    expect(rig.newWrites()).toEqual(['PUT', 'PUT']);
    expect(generations()).toEqual([3, 3]);
    await publish(publisher, pool(devices(128)));
    expect(rig.newWrites()).toEqual(['DELETE', 'PUT']);
    const generation4 = { name: nodeName, generation: 4, resourceSliceCount: 1 };
    expect(rig.slices().map(({ spec }) => spec.pool)).toEqual([generation4]);
  });

  it('check 36: slices of ours that someone else named are taken over or deleted', async () => {
    const spec = (generation: number, node = nodeName) => ({
      driver: driverName,
      nodeName: node,
      pool: { name: node, generation, resourceSliceCount: 1 },
      devices: [{ name: 'foreign' }],
    });
    await rig.addSlice('by-hand', spec(7));
    await rig.addSlice('outdated', spec(3));
    await rig.addSlice('elsewhere', spec(3, 'another'));
    const { publisher } = rig.startPublisher();
    await publish(publisher, pool([device('d')]));
    expect(rig.newWrites()).toEqual(['DELETE', 'PUT']);
    const [taken, other, ...more] = rig.slices();
    expect([taken?.metadata.name, other?.metadata.name, more]).toEqual(['by-hand', 'elsewhere', []]);
    expect(taken?.spec.devices?.map(({ name }) => name)).toEqual(['d']);
    expect(taken?.spec.pool.generation).toBe(7);
    expect(taken?.metadata.ownerReferences).toMatchObject([{ kind: 'Node', name: nodeName }]);
  });

  it('check 37: a slice deleted from outside is created again, an edited one corrected', async () => {
    const { publisher } = rig.startPublisher();
    await publish(publisher, pool(devices(129)));
    await rig.deleteSlice(rig.slices()[0]!);
    await expect.poll(names).toHaveLength(129);
    await expect.poll(generations).toEqual([2, 2]);
    await rig.editSlice(rig.slices()[0]!, { devices: [] });
    await expect.poll(names).toHaveLength(129);
    expect(generations()).toEqual([2, 2]);
  });

  it('check 38: a pool that is no longer wanted is deleted, the others are left alone', async () => {
    const { publisher } = rig.startPublisher();
    const extra = pool([device('d')], 'worker/extra');
    await publish(publisher, pool(devices(129)), extra);
    rig.newWrites();
    await publish(publisher, extra);
    expect(rig.newWrites()).toEqual(['DELETE', 'DELETE']);
    await publish(publisher);
    expect(rig.newWrites()).toEqual(['DELETE']);
    expect(rig.slices()).toEqual([]);
    const preconditions = { uid: expect.any(String), resourceVersion: expect.any(String) };
    expect(rig.driverWrites.at(-1)?.body).toMatchObject({ preconditions });
  });

  it('check 39: fields that the server drops are reported once and do not make it loop', async () => {
    await rig.stop();
    await use({ features: { DRADeviceTaints: false, DRADeviceBindingConditions: false } });
    const { publisher, errors } = rig.startPublisher();
    const content = devices(2, {
      taints: [taint],
      bindsToNode: true,
      bindingConditions: ['Attached'],
      bindingFailureConditions: ['Broken'],
    });
    await publish(publisher, pool(content));
    await publish(publisher, pool(content.map((one) => ({ ...one }))));
    expect(rig.newWrites()).toEqual(['POST']);
    await publish(publisher, pool([...content, device('e', { taints: [taint] })]));
    expect(rig.newWrites()).toEqual(['PUT']);
    const dropped = ['bindingConditions', 'bindingFailureConditions', 'bindsToNode', 'taints'];
    expect(errors.map(({ message }) => message)).toEqual([
      `Pool worker: the API server dropped ${dropped.map((name) => `spec.devices[*].${name}`).join(', ')}; ` +
        'it does not know these fields or their feature is off',
    ]);
    // What is correct as the server has it is still defended.
    await rig.deleteSlice(rig.slices()[0]!);
    await expect.poll(names).toEqual(['d0000', 'd0001', 'e']);
  });

  it('check 40: 129 devices make two slices, and so do 65 of which one is tainted', async () => {
    const { publisher, errors } = rig.startPublisher();
    const [first, ...rest] = devices(65);
    const tainted = pool([{ ...first!, taints: [taint] }, ...rest], 'worker/tainted');
    await publish(publisher, pool(devices(129)), tainted);
    const counts = rig
      .slices()
      .map(({ spec: { pool, devices = [] } }) => [pool.name, devices.length, pool.resourceSliceCount]);
    expect(counts.sort()).toEqual([
      ['worker', 1, 2],
      ['worker', 128, 2],
      ['worker/tainted', 1, 2],
      ['worker/tainted', 64, 2],
    ]);
    const indexes = rig.slices().map(({ metadata }) => metadata.generateName?.[0]);
    expect([indexes.sort(), errors]).toEqual([['0', '0', '1', '1'], []]);
  });

  it('check 41: a taint keeps the time at which the server first saw it', async () => {
    const { publisher, errors } = rig.startPublisher();
    const times = () =>
      rig.slices().flatMap(({ spec }) => (spec.devices ?? []).map(({ taints }) => taints?.[0]?.timeAdded));
    await publish(publisher, pool([device('a', { taints: [taint] })]));
    const [first] = times();
    expect(first).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    rig.newWrites();
    await publish(publisher, pool([device('a', { taints: [{ ...taint }] })]));
    expect(rig.newWrites()).toEqual([]);
    // The server's clock has whole seconds.
    await pause(1_100);
    await publish(publisher, pool([device('a', { taints: [taint] }), device('b', { taints: [taint] })]));
    const [kept, second] = times();
    expect(kept).toBe(first);
    expect(Date.parse(second!)).toBeGreaterThan(Date.parse(first!));
    // Another effect is another taint.
    await publish(publisher, pool([device('a', { taints: [{ ...taint, effect: 'NoExecute' }] })]));
    expect(Date.parse(times()[0]!)).toBeGreaterThan(Date.parse(first!));
    expect(errors).toEqual([]);
  });

  it('check 42: a duplicate device name writes nothing of that pool and is an error', async () => {
    const { publisher, errors } = rig.startPublisher();
    await publish(publisher, pool([device('a')]), pool([device('b')], 'worker/other'));
    rig.newWrites();
    const duplicate = pool([device('a'), device('a', { attributes: { size: { int: 5 } } })]);
    await publish(publisher, duplicate, pool([], 'worker/other'));
    expect(rig.newWrites()).toEqual(['PUT']);
    expect(names()).toEqual(['a']);
    await publish(publisher, duplicate, pool([], 'worker/other'));
    expect(errors.map(({ name }) => name)).toEqual(['DuplicateNameError']);
  });

  it('check 44: slices that the kubelet wipes are back within a second, also when the watch missed it', async () => {
    // With the pauses of a real driver.
    const { publisher } = rig.startPublisher({ backoff: { initialMs: 250, maximumMs: 60_000 } });
    await publish(publisher, pool(devices(300)), pool([device('x')], 'worker/other'));
    await rig.wipeSlices();
    expect(rig.slices()).toEqual([]);
    await expect.poll(names, { timeout: 1_000 }).toHaveLength(301);

    // Wiped while the driver is cut off, and so long ago that the server has forgotten.
    const away = rig.server.inject({ verb: 'watch', fault: { kind: 'status', code: 503 } });
    rig.server.endWatches();
    await expect.poll(() => away.hits).toBeGreaterThan(0);
    await rig.wipeSlices();
    rig.server.compact();
    away.remove();
    await expect.poll(names, { timeout: 10_000 }).toHaveLength(301);
  });

  it('check 44: a node that was re-created under its name owns the new slices', async () => {
    const { publisher } = rig.startPublisher();
    await publish(publisher, pool([device('a')]));
    await rig.admin.request({ method: 'DELETE', path: '/api/v1/nodes/worker' });
    const node = await rig.addNode();
    await rig.wipeSlices();
    await expect.poll(() => rig.slices()[0]?.metadata.ownerReferences?.[0]?.uid).toBe(node.metadata.uid);
  });

  it('check 47: a refusal of the API server is surfaced, and publishing succeeds once it is lifted', async () => {
    const fault = { kind: 'status', code: 403, reason: 'Forbidden', message: 'no create' } as const;
    const refusal = rig.server.inject({ verb: 'create', path: 'resourceslices', fault });
    const { publisher, errors } = rig.startPublisher();
    publisher.update([pool([device('a')])]);
    await expect.poll(() => errors.length).toBeGreaterThan(1);
    expect(errors[0]?.message).toBe(
      'ResourceSlices of pool worker are not published: POST /apis/resource.k8s.io/v1/resourceslices: ' +
        'the service account lacks a permission; check the driver’s ClusterRole (HTTP 403): no create',
    );
    refusal.remove();
    await publisher.settled();
    expect(names()).toEqual(['a']);
  });

  it('check 47: a refused list or watch is surfaced and repeated', async () => {
    const refusal = rig.server.inject({
      path: 'resourceslices',
      fault: { kind: 'status', code: 403, reason: 'Forbidden' },
    });
    const { publisher, errors } = rig.startPublisher();
    publisher.update([pool([device('a')])]);
    await expect.poll(() => errors.length).toBeGreaterThan(1);
    refusal.remove();
    await publisher.settled();
    expect(names()).toEqual(['a']);
  });
});
