import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleDevice } from '../apiserver/example-objects.ts';
import { exactly, TestCluster } from './test-cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.errors).toEqual([]);
});

type Policy = Record<string, unknown>;

/** A device that can be shared and has one capacity, by default of 10 G in steps of 1 G. */
function shared(
  name: string,
  requestPolicy: Policy = { default: '1G', validRange: { min: '1G', max: '10G', step: '1G' } },
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    name,
    allowMultipleAllocations: true,
    capacity: { bandwidth: { value: '10G', requestPolicy } },
    ...more,
  };
}

const wants = (bandwidth: string, more: Record<string, unknown> = {}) => [
  exactly({ capacity: { requests: { bandwidth } }, ...more }),
];

/** What a new claim consumes, once its pod is scheduled. */
async function consumed(name: string, requests?: readonly unknown[]): Promise<unknown> {
  await cluster.addClaim(name, requests);
  await cluster.usePod(`pod-${name}`, name);
  await cluster.scheduled(`pod-${name}`);
  return (await cluster.results(name)).map(({ consumedCapacity }) => consumedCapacity?.['bandwidth']);
}

/** Whether a new claim is refused, with these words. */
async function refused(name: string, requests: readonly unknown[], words: string): Promise<string> {
  await cluster.addClaim(name, requests);
  await cluster.usePod(`pod-${name}`, name);
  return cluster.refused(`pod-${name}`, words);
}

describe('consumable capacity', () => {
  it('gives out shares until the capacity is used up', async () => {
    await cluster.addDevices(shared('d0'));
    await cluster.addClaim('c3', wants('1G'));
    // Steps are counted without a unit, so 6 G comes in binary notation.
    expect(await consumed('c1', wants('5500M'))).toEqual(['5859375Ki']);
    expect(await consumed('c2', wants('4G'))).toEqual(['3906250Ki']);
    const [[first], [second]] = [await cluster.results('c1'), await cluster.results('c2')];
    expect(first?.shareID).toMatch(/^[0-9a-f-]{36}$/);
    expect(second?.shareID).not.toBe(first?.shareID);
    await cluster.usePod('p3', 'c3');
    await cluster.refused('p3', '1 in use');
    await cluster.deletePod('pod-c2');
    await cluster.scheduled('p3');
  });

  it('counts the shares of one claim and of one pod together', async () => {
    await cluster.addDevices(shared('d0'));
    const six = (name: string) => exactly({ capacity: { requests: { bandwidth: '6G' } } }, name);
    await refused('c1', [six('a'), six('b')], 'not all together');
    await cluster.addClaim('c2', [six('a')]);
    await cluster.addClaim('c3', [six('a')]);
    await cluster.usePod('both', 'c2', 'c3');
    await cluster.refused('both', 'not all together');
    const two = (name: string) => exactly({ capacity: { requests: { bandwidth: '2G' } } }, name);
    expect(await consumed('c4', [two('a'), two('b')])).toEqual(['1953125Ki', '1953125Ki']);
    const [a, b] = await cluster.results('c4');
    expect([a, b]).toMatchObject([
      { request: 'a', device: 'd0' },
      { request: 'b', device: 'd0' },
    ]);
    expect(a?.shareID).not.toBe(b?.shareID);
  });

  it('gives a request for several devices several devices, not several shares of one', async () => {
    await cluster.addDevices(shared('d0'));
    await refused('c', [exactly({ count: 2 })], 'wants 2 device(s) of class net, 1 of 1 fit');
    await cluster.patch('/apis/resource.k8s.io/v1/resourceslices/slice', {
      spec: { devices: [shared('d0'), shared('d1')] },
    });
    await cluster.scheduled('pod-c');
    expect(await cluster.devicesOf('c')).toEqual(['d0', 'd1']);
  });

  it.each<[string, Policy | undefined, string | undefined, string | undefined]>([
    ['the default without a request', { default: '3G', validRange: { min: '1G' } }, undefined, '3G'],
    ['the smallest for less', { default: '4G', validRange: { min: '2G', step: '2G' } }, '1G', '2G'],
    ['the request in a range without steps', { default: '3G', validRange: { min: '1G' } }, '4500M', '4500M'],
    ['the next step', { default: '2G', validRange: { min: '2G', step: '3G' } }, '5100M', '7812500Ki'],
    ['nothing above the largest', { default: '2G', validRange: { min: '2G', max: '4G' } }, '5G', undefined],
    [
      'nothing when the next step is above the largest',
      { default: '2G', validRange: { min: '2G', max: '4G', step: '2G' } },
      '4001M',
      undefined,
    ],
    ['the next value of a list', { default: '1G', validValues: ['1G', '5G'] }, '2G', '5G'],
    ['nothing above the list', { default: '1G', validValues: ['1G', '5G'] }, '6G', undefined],
    ['everything without policy and request', undefined, undefined, '10G'],
    ['the request without policy', undefined, '1500M', '1500M'],
    ['nothing above the capacity', undefined, '11G', undefined],
  ])('gives %s', async (_, requestPolicy, wanted, expected) => {
    const capacity = {
      bandwidth: { value: '10G', ...(requestPolicy === undefined ? {} : { requestPolicy }) },
    };
    await cluster.addDevices({ name: 'd0', allowMultipleAllocations: true, capacity });
    const requests = wanted === undefined ? [exactly()] : wants(wanted);
    if (expected === undefined) await refused('c', requests, '0 of 1 fit');
    else expect(await consumed('c', requests)).toEqual([expected]);
  });

  it('passes over devices that lack the capacity asked for', async () => {
    await cluster.addDevices(
      ...[
        exampleDevice('d0'),
        shared('d1', undefined, { capacity: { lanes: { value: '4' } } }),
        shared('d2'),
      ],
    );
    await consumed('c', wants('2G'));
    expect(await cluster.devicesOf('c')).toEqual(['d2']);
  });

  it('gives a share that consumes nothing of a device without capacities', async () => {
    await cluster.addDevices({ name: 'd0', allowMultipleAllocations: true });
    await consumed('c1');
    await consumed('c2');
    const [[first], [second]] = [await cluster.results('c1'), await cluster.results('c2')];
    expect(first).toEqual({
      request: 'nic',
      driver: 'example.dev',
      pool: 'node-1',
      device: 'd0',
      shareID: first?.shareID,
    });
    expect(second?.shareID).not.toBe(first?.shareID);
  });

  it('is compared with the whole capacity on devices that are not shared', async () => {
    await cluster.addDevices(
      ...[
        { name: 'small', capacity: { bandwidth: { value: '1G' } } },
        { name: 'large', capacity: { bandwidth: { value: '10G' } } },
      ],
    );
    expect(await consumed('c', wants('5G'))).toEqual([undefined]);
    const [result] = await cluster.results('c');
    expect(result).toMatchObject({ device: 'large' });
    expect(result?.shareID).toBeUndefined();
  });

  it('can be asked for by alternatives', async () => {
    await cluster.addDevices(shared('d0'));
    await consumed('first', wants('7G'));
    const alternative = (name: string, bandwidth: string) => ({
      name,
      deviceClassName: 'net',
      capacity: { requests: { bandwidth } },
    });
    const firstAvailable = [alternative('much', '8G'), alternative('some', '3G')];
    expect(await consumed('second', [{ name: 'nic', firstAvailable }])).toEqual(['3G']);
    expect(await cluster.results('second')).toMatchObject([{ request: 'nic/some' }]);
  });

  it('is consumed by administrative access too', async () => {
    await cluster.patch('/api/v1/namespaces/default', {
      metadata: { labels: { 'resource.kubernetes.io/admin-access': 'true' } },
    });
    await cluster.addDevices(shared('d0'));
    await consumed('user', wants('9G'));
    await refused('greedy', wants('2G', { adminAccess: true }), '1 in use');
    await consumed('admin', wants('1G', { adminAccess: true }));
    const [result] = await cluster.results('admin');
    expect(result).toMatchObject({ device: 'd0', adminAccess: true });
    expect(result?.shareID).toBeDefined();
  });

  it('decides what all devices are: those with room', async () => {
    await cluster.addDevices(shared('d0'), shared('d1'));
    await consumed('c1', wants('10G'));
    expect(await cluster.devicesOf('c1')).toEqual(['d0']);
    await consumed('c2', [exactly({ allocationMode: 'All' })]);
    expect(await cluster.devicesOf('c2')).toEqual(['d1']);
  });
});

describe('distinct attributes', () => {
  const constraints = [{ distinctAttribute: 'example.dev/numa' }];
  const numa = (value: number) => ({ attributes: { numa: { int: value } } });

  it('keep the devices of a claim apart', async () => {
    await cluster.addDevices(
      ...[exampleDevice('a', numa(0)), exampleDevice('b', numa(0)), exampleDevice('c', numa(1))],
    );
    await cluster.addClaim('c', [exactly({}, 'one'), exactly({}, 'two')], { constraints });
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(await cluster.devicesOf('c')).toEqual(['a', 'c']);
  });

  it('keep a claim from getting two shares of one device', async () => {
    await cluster.addDevices(shared('d0', undefined, numa(0)));
    await cluster.addClaim('c', [exactly({}, 'one'), exactly({}, 'two')], { constraints });
    await cluster.usePod('p', 'c');
    await cluster.refused('p', 'not all together within the constraints');
    await cluster.patch('/apis/resource.k8s.io/v1/resourceslices/slice', {
      spec: { devices: [shared('d0', undefined, numa(0)), shared('d1', undefined, numa(1))] },
    });
    await cluster.scheduled('p');
    expect(await cluster.devicesOf('c')).toEqual(['d0', 'd1']);
  });

  it('exclude devices without the attribute', async () => {
    await cluster.addDevices(exampleDevice('a'), exampleDevice('b', numa(0)));
    await cluster.addClaim('c', [exactly()], { constraints });
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(await cluster.devicesOf('c')).toEqual(['b']);
  });
});
