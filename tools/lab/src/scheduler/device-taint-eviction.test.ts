import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleDevice, exampleSlice, PATHS } from '../apiserver/example-objects.ts';
import { pause } from '../waiting/wait-until.ts';
import { exactly, TestCluster } from './test-cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start();
  await cluster.addDevices(exampleDevice('d0'), exampleDevice('d1'));
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.errors).toEqual([]);
});

const noExecute = { key: 'example.dev/broken', effect: 'NoExecute' };

/** Gives device d0 these taints; d1 keeps none. */
function taint(...taints: readonly unknown[]): Promise<unknown> {
  return cluster.patch(`${PATHS.slices}/slice`, {
    spec: { devices: [exampleDevice('d0', { taints }), exampleDevice('d1')] },
  });
}

/** Runs a pod with a claim of its own, which gets the next free device. */
async function run(name: string, tolerations?: readonly unknown[]): Promise<void> {
  await cluster.addClaim(name, [exactly(tolerations === undefined ? {} : { tolerations })]);
  await cluster.usePod(name, name);
  await cluster.scheduled(name);
}

function evicted(name: string): Promise<true> {
  return cluster.eventually<true>(`pod ${name} to be evicted`, async () => {
    const { metadata } = await cluster.getPod(name);
    return metadata.deletionTimestamp !== undefined;
  });
}

/** Whether a pod is not being deleted, some time after all that happened before has been seen. */
async function stays(name: string): Promise<boolean> {
  await pause(150);
  return (await cluster.getPod(name)).metadata.deletionTimestamp === undefined;
}

describe('eviction for device taints', () => {
  it('deletes the pods that use the device, with a grace period, and says why', async () => {
    await run('p0');
    await run('p1');
    await taint(noExecute);
    await evicted('p0');
    const { metadata, status } = await cluster.getPod('p0');
    expect(metadata.deletionGracePeriodSeconds).toBe(30);
    expect(status?.conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByDeviceTaintManager',
      }),
    );
    const { items } = await cluster.client.list(PATHS.events);
    expect(
      items.filter((event) => JSON.stringify(event).includes('DeviceTaintManagerEviction')),
    ).toHaveLength(1);
    expect(await stays('p1')).toBe(true);
  });

  it('deletes every pod of a shared claim', async () => {
    await run('p0');
    await cluster.usePod('second', 'p0');
    await cluster.scheduled('second');
    await taint(noExecute);
    await evicted('p0');
    await evicted('second');
  });

  it('does not happen for other effects', async () => {
    await run('p0');
    await taint({ ...noExecute, effect: 'NoSchedule' }, { ...noExecute, effect: 'None' });
    expect(await stays('p0')).toBe(true);
  });

  it.each<[string, unknown, boolean]>([
    ['its key', { key: 'example.dev/broken', operator: 'Exists', effect: 'NoExecute' }, true],
    ['its value', { key: 'example.dev/broken', value: '', effect: 'NoExecute' }, true],
    ['everything of that effect', { operator: 'Exists', effect: 'NoExecute' }, true],
    ['another value', { key: 'example.dev/broken', value: 'no', effect: 'NoExecute' }, false],
    // The controller wants the effect to be named, also where scheduling does not.
    ['every effect', { operator: 'Exists' }, false],
  ])('with a toleration of %s: %o keeps the pod: %s', async (_, toleration, kept) => {
    await run('p0', [toleration]);
    await taint(noExecute);
    if (kept) expect(await stays('p0')).toBe(true);
    else await evicted('p0');
  });

  it('waits as long as the claim tolerates the taint', async () => {
    await run('p0', [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 2 }]);
    await taint(noExecute);
    const before = Date.now();
    expect(await stays('p0')).toBe(true);
    await evicted('p0');
    // The time of the taint is cut to seconds.
    expect(Date.now() - before).toBeGreaterThan(800);
  });

  it('does not come when the taint goes in time', async () => {
    await run('p0', [{ operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 2 }]);
    await taint(noExecute);
    await pause(100);
    await taint();
    await pause(2100);
    expect(await stays('p0')).toBe(true);
  });

  it('heeds only the highest generation of the pool, complete or not', async () => {
    await run('p0');
    const pool = { name: 'node-1', generation: 2, resourceSliceCount: 2 };
    await cluster.post(PATHS.slices, exampleSlice('new', [exampleDevice('d0')], { pool }));
    await taint(noExecute);
    expect(await stays('p0')).toBe(true);
    await cluster.patch(`${PATHS.slices}/new`, {
      spec: { devices: [exampleDevice('d0', { taints: [noExecute] })] },
    });
    await evicted('p0');
  });

  it('frees the device for those who tolerate the taint once the pod is gone', async () => {
    await run('p0');
    await taint(noExecute);
    await evicted('p0');
    await cluster.addClaim('c', [
      exactly({
        tolerations: [{ operator: 'Exists' }],
        selectors: [{ cel: { expression: '"kind" in device.attributes["example.dev"]' } }],
        count: 2,
      }),
    ]);
    await cluster.usePod('next', 'c');
    await cluster.refused('next', '1 in use');
    await cluster.deletePod('p0');
    await cluster.scheduled('next');
    expect(await cluster.devicesOf('c')).toEqual(['d0', 'd1']);
    // It tolerates the taint for scheduling, not for being executed.
    await evicted('next');
  });
});
