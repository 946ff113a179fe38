import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleDevice, examplePod, exampleSlice, PATHS } from '../apiserver/example-objects.ts';
import { exactly, TestCluster } from './test-cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.errors).toEqual([]);
});

const cel = (expression: string) => ({ selectors: [{ cel: { expression } }] });
const numa = (value: number) => ({ attributes: { kind: { string: 'dummy' }, numa: { int: value } } });

describe('scheduling', () => {
  it('allocates, reserves and binds', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.addClaim('c');
    const pod = await cluster.usePod('p', 'c');
    expect(await cluster.scheduled('p')).toBe('node-1');
    const { status } = await cluster.getClaim('c');
    expect(status).toEqual({
      allocation: {
        devices: { results: [{ request: 'nic', driver: 'example.dev', pool: 'node-1', device: 'd0' }] },
        nodeSelector: {
          nodeSelectorTerms: [
            { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] },
          ],
        },
      },
      reservedFor: [{ resource: 'pods', name: 'p', uid: pod.metadata.uid }],
    });
  });

  it('binds a pod without claims, and leaves pods of other schedulers alone', async () => {
    await cluster.post(PATHS.pods, examplePod('foreign', [], { schedulerName: 'other' }));
    await cluster.post(PATHS.pods, examplePod('plain'));
    expect(await cluster.scheduled('plain')).toBe('node-1');
    expect((await cluster.getPod('foreign')).spec.nodeName).toBeUndefined();
  });

  it('takes the node that has the devices and that the pod allows', async () => {
    for (const name of ['node-2', 'node-3']) {
      await cluster.post(PATHS.nodes, { metadata: { name, labels: { zone: name } } });
    }
    for (const nodeName of ['node-2', 'node-3']) {
      const pool = { name: nodeName, generation: 1, resourceSliceCount: 1 };
      await cluster.post(PATHS.slices, exampleSlice(nodeName, [exampleDevice('d')], { nodeName, pool }));
    }
    await cluster.addClaim('c');
    await cluster.post(
      PATHS.pods,
      examplePod('p', [{ name: 'c', resourceClaimName: 'c' }], { nodeSelector: { zone: 'node-3' } }),
    );
    expect(await cluster.scheduled('p')).toBe('node-3');
  });

  it('waits for what is missing and says so on the pod and in an event', async () => {
    await cluster.usePod('p', 'c');
    expect(await cluster.refused('p', 'not found')).toBe('resourceclaim "c" not found');
    await cluster.addClaim('c');
    const message = await cluster.refused('p', '0 of 0 fit');
    expect(message).toBe(
      '0/1 nodes are available: node-1: claim c: request nic: wants 1 device(s) of class net, 0 of 0 fit',
    );
    await cluster.eventually('an event', async () => {
      const { items } = await cluster.client.list(PATHS.events);
      return items.some((event) => JSON.stringify(event).includes('FailedScheduling'));
    });
    await cluster.addDevices(exampleDevice('d0'));
    expect(await cluster.scheduled('p')).toBe('node-1');
  });

  it('names a class that does not exist', async () => {
    await cluster.addClaim('c', [{ name: 'nic', exactly: { deviceClassName: 'gone' } }]);
    await cluster.usePod('p', 'c');
    await cluster.refused('p', 'device class gone does not exist');
  });

  it('survives the end and the expiry of its watches', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    cluster.server.endWatches();
    cluster.server.expireWatches();
    await cluster.addClaim('c');
    await cluster.usePod('p', 'c');
    expect(await cluster.scheduled('p')).toBe('node-1');
  });
});

describe('devices', () => {
  it('are given to one claim only, until it is released', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.addClaim('c1');
    await cluster.addClaim('c2');
    await cluster.usePod('p1', 'c1');
    await cluster.scheduled('p1');
    await cluster.usePod('p2', 'c2');
    await cluster.refused('p2', '1 in use');
    await cluster.deletePod('p1');
    await cluster.scheduled('p2');
    expect(await cluster.devicesOf('c2')).toEqual(['d0']);
    expect((await cluster.getClaim('c1')).status?.allocation).toBeUndefined();
  });

  it('are selected by the expressions of class and request', async () => {
    await cluster.addClass('dummies', {
      selectors: [{ cel: { expression: 'device.attributes["example.dev"].kind == "dummy"' } }],
    });
    await cluster.addDevices(
      ...[
        { name: 'v', attributes: { kind: { string: 'veth' } } },
        exampleDevice('d0', numa(0)),
        exampleDevice('d1', numa(1)),
      ],
    );
    const request = exactly({
      deviceClassName: 'dummies',
      ...cel('device.attributes["example.dev"].numa == 1'),
    });
    await cluster.addClaim('c', [request]);
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(await cluster.devicesOf('c')).toEqual(['d1']);
  });

  it('make the pod unschedulable when an expression fails on them', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.addClaim('c', [exactly(cel('device.attributes["example.dev"].speed > 5'))]);
    await cluster.usePod('p', 'c');
    await cluster.refused(
      'p',
      'CEL error in "device.attributes[\\"example.dev\\"].speed > 5": No such key: speed',
    );
  });

  it('count only when their pool is complete and of the highest generation', async () => {
    const pool = { name: 'node-1', generation: 2, resourceSliceCount: 2 };
    await cluster.post(PATHS.slices, exampleSlice('old', [exampleDevice('old')]));
    await cluster.post(PATHS.slices, exampleSlice('new-1', [exampleDevice('d1')], { pool }));
    await cluster.addClaim('c');
    await cluster.usePod('p', 'c');
    await cluster.refused('p', 'pool example.dev/node-1 is incomplete: 1 of 2 slices');
    await cluster.post(PATHS.slices, exampleSlice('new-2', [exampleDevice('d2')], { pool }));
    await cluster.scheduled('p');
    expect(['d1', 'd2']).toContain((await cluster.devicesOf('c'))[0]);
  });

  it('with a taint go only to those who tolerate it', async () => {
    const taints = [{ key: 'example.dev/broken', value: 'yes', effect: 'NoSchedule' }];
    await cluster.addDevices(exampleDevice('d0', { taints }));
    await cluster.addClaim('c1');
    await cluster.usePod('p1', 'c1');
    await cluster.refused('p1', '1 tainted');
    const tolerations = [{ key: 'example.dev/broken', operator: 'Exists' }];
    await cluster.addClaim('c2', [exactly({ tolerations })]);
    await cluster.usePod('p2', 'c2');
    await cluster.scheduled('p2');
    expect(await cluster.results('c2')).toMatchObject([{ device: 'd0', tolerations }]);
  });

  it('with a taint of effect None go to anybody', async () => {
    await cluster.addDevices(exampleDevice('d0', { taints: [{ key: 'info', effect: 'None' }] }));
    await cluster.addClaim('c');
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
  });
});

describe('requests', () => {
  it('get the number of devices that they ask for, or all', async () => {
    await cluster.addDevices(...['a', 'b', 'c'].map((name) => exampleDevice(name)));
    await cluster.addClaim('two', [exactly({ count: 2 })]);
    await cluster.usePod('p1', 'two');
    await cluster.scheduled('p1');
    expect(await cluster.devicesOf('two')).toEqual(['a', 'b']);
    await cluster.addClaim('all', [exactly({ allocationMode: 'All' })]);
    await cluster.usePod('p2', 'all');
    await cluster.refused('p2', 'wants all matching devices');
    await cluster.deletePod('p1');
    await cluster.scheduled('p2');
    expect(await cluster.devicesOf('all')).toEqual(['a', 'b', 'c']);
  });

  it('with alternatives get the first that can be had, under its full name', async () => {
    await cluster.addDevices(exampleDevice('d0', numa(0)), exampleDevice('d1', numa(1)));
    const firstAvailable = [
      { name: 'best', deviceClassName: 'net', ...cel('device.attributes["example.dev"].numa == 7') },
      { name: 'good', deviceClassName: 'net', ...cel('device.attributes["example.dev"].numa == 1') },
      { name: 'any', deviceClassName: 'net' },
    ];
    await cluster.addClaim('c', [{ name: 'nic', firstAvailable }]);
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(await cluster.results('c')).toMatchObject([{ request: 'nic/good', device: 'd1' }]);
  });

  it('with administrative access get devices that are in use, and use none', async () => {
    await cluster.patch('/api/v1/namespaces/default', {
      metadata: { labels: { 'resource.kubernetes.io/admin-access': 'true' } },
    });
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.addClaim('user');
    await cluster.usePod('p1', 'user');
    await cluster.scheduled('p1');
    await cluster.addClaim('admin', [exactly({ adminAccess: true })]);
    await cluster.usePod('p2', 'admin');
    await cluster.scheduled('p2');
    expect(await cluster.results('admin')).toMatchObject([{ device: 'd0', adminAccess: true }]);
    await cluster.deletePod('p1');
    await cluster.addClaim('next');
    await cluster.usePod('p3', 'next');
    await cluster.scheduled('p3');
    expect(await cluster.devicesOf('next')).toEqual(['d0']);
  });

  it('with administrative access get each device once in a claim, and none that is chosen for the same pod', async () => {
    await cluster.patch('/api/v1/namespaces/default', {
      metadata: { labels: { 'resource.kubernetes.io/admin-access': 'true' } },
    });
    await cluster.addDevices(exampleDevice('d0'), exampleDevice('d1'));
    const admin = { adminAccess: true };
    await cluster.addClaim('c', [exactly(admin, 'one'), exactly(admin, 'two')]);
    await cluster.addClaim('user');
    await cluster.usePod('p1', 'c', 'user');
    await cluster.refused('p1', 'not all together');
    await cluster.usePod('p2', 'c');
    await cluster.scheduled('p2');
    expect(await cluster.devicesOf('c')).toEqual(['d0', 'd1']);
  });

  it('for all devices wait until every pool is complete', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    const pool = { name: 'other', generation: 1, resourceSliceCount: 2 };
    await cluster.post(PATHS.slices, exampleSlice('half', [exampleDevice('d1')], { pool }));
    await cluster.addClaim('c', [exactly({ allocationMode: 'All' })]);
    await cluster.usePod('p', 'c');
    await cluster.refused('p', 'asks for all devices, but pool example.dev/other is incomplete');
    await cluster.post(PATHS.slices, exampleSlice('rest', [], { pool }));
    await cluster.scheduled('p');
    expect((await cluster.devicesOf('c')).sort()).toEqual(['d0', 'd1']);
  });

  it('for more devices than a claim can have are refused', async () => {
    await cluster.addDevices(...Array.from({ length: 40 }, (_, index) => exampleDevice(`d${String(index)}`)));
    await cluster.addClaim('c', [exactly({ count: 33 })]);
    await cluster.usePod('p', 'c');
    await cluster.refused('p', 'number of requested devices 33 exceeds the claim limit of 32');
  });

  it('are satisfied by going back on earlier choices where needed', async () => {
    await cluster.addDevices(exampleDevice('d0', numa(0)), exampleDevice('d1', numa(1)));
    await cluster.addClaim('c', [
      exactly({}, 'any'),
      exactly(cel('device.attributes["example.dev"].numa == 0'), 'zero'),
    ]);
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(await cluster.results('c')).toMatchObject([
      { request: 'any', device: 'd1' },
      { request: 'zero', device: 'd0' },
    ]);
  });
});

describe('constraints', () => {
  const constraints = [{ matchAttribute: 'example.dev/numa' }];

  it('keep devices with the same attribute together', async () => {
    await cluster.addDevices(
      ...[exampleDevice('a', numa(0)), exampleDevice('b', numa(1)), exampleDevice('c', numa(1))],
    );
    await cluster.addClaim('c', [exactly({}, 'one'), exactly({}, 'two')], { constraints });
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(await cluster.devicesOf('c')).toEqual(['b', 'c']);
  });

  it('say so when nothing goes together', async () => {
    await cluster.addDevices(exampleDevice('a', numa(0)), exampleDevice('b', numa(1)));
    await cluster.addClaim('c', [exactly({ count: 2 })], { constraints });
    await cluster.usePod('p', 'c');
    await cluster.refused(
      'p',
      'each request could be satisfied alone, but not all together within the constraints',
    );
  });

  it('apply to the requests that they name, alternatives included', async () => {
    await cluster.addDevices(
      ...[exampleDevice('a', numa(0)), exampleDevice('b', numa(1)), exampleDevice('c', numa(1))],
    );
    const alternative = { name: 'alt', firstAvailable: [{ name: 'x', deviceClassName: 'net' }] };
    await cluster.addClaim('c', [exactly({}, 'free'), exactly({}, 'one'), alternative], {
      constraints: [{ requests: ['one', 'alt'], matchAttribute: 'example.dev/numa' }],
    });
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(await cluster.devicesOf('c')).toEqual(['a', 'b', 'c']);
  });
});

describe('configuration', () => {
  it('is copied from class and claim, in that order, for the requests that it concerns', async () => {
    const opaque = (from: string) => ({ opaque: { driver: 'example.dev', parameters: { from } } });
    await cluster.addClass('configured', { config: [opaque('class')] });
    await cluster.addDevices(exampleDevice('d0'), exampleDevice('d1'));
    const firstAvailable = [
      { name: 'a', deviceClassName: 'configured' },
      { name: 'b', deviceClassName: 'net' },
    ];
    await cluster.addClaim('c', [{ name: 'nic', firstAvailable }, exactly({}, 'plain')], {
      config: [
        opaque('all'),
        { requests: ['nic'], ...opaque('nic') },
        { requests: ['nic/b'], ...opaque('unused') },
      ],
    });
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect((await cluster.getClaim('c')).status?.allocation?.devices.config).toEqual([
      { source: 'FromClass', requests: ['nic/a'], ...opaque('class') },
      { source: 'FromClaim', ...opaque('all') },
      { source: 'FromClaim', requests: ['nic'], ...opaque('nic') },
    ]);
  });
});
