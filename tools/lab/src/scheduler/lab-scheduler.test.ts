import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  exampleClaim,
  exampleDevice,
  examplePod,
  exampleSlice,
  PATHS,
  temporaryServer,
} from '../apiserver/example-objects.ts';
import { ApiRequestError } from '../apiserver/lab-api-client.ts';
import type { LabApiClient } from '../apiserver/lab-api-client.ts';
import type { LabApiServer } from '../apiserver/lab-api-server.ts';
import type { KubeObject } from '../apiserver/objects/kube-object.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { AllocationResult, ResourceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import { waitUntil } from '../waiting/wait-until.ts';
import { LabScheduler } from './lab-scheduler.ts';

let server: LabApiServer & AsyncDisposable;
let client: LabApiClient;
let scheduler: LabScheduler;
let errors: unknown[];

beforeEach(async () => {
  server = await temporaryServer();
  client = server.client();
  errors = [];
  scheduler = new LabScheduler({
    api: server.client({ userAgent: 'lab-scheduler' }),
    onError: (error) => errors.push(error),
  });
  await scheduler.start();
  await post(PATHS.nodes, { metadata: { name: 'node-1' } });
  await addClass('net');
});
afterEach(async () => {
  await scheduler.stop();
  await server[Symbol.asyncDispose]();
  expect(errors).toEqual([]);
});

const post = <T = KubeObject>(path: string, body: unknown) =>
  client.request<T>({ method: 'POST', path, body });
const patch = (path: string, body: unknown) =>
  client.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' });
const remove = (path: string, body?: unknown) => client.request({ method: 'DELETE', path, body });
const addClass = (name: string, spec = {}) => post(PATHS.classes, { metadata: { name }, spec });
const addDevices = (devices: readonly unknown[], spec = {}) =>
  post(PATHS.slices, exampleSlice('slice', devices, spec));
const addClaim = (name: string, requests?: readonly unknown[], devices = {}) =>
  post(PATHS.claims, exampleClaim(name, requests, devices));
const usePod = (name: string, ...claims: string[]) =>
  post<Pod>(
    PATHS.pods,
    examplePod(
      name,
      claims.map((claim) => ({ name: claim, resourceClaimName: claim })),
    ),
  );

const timeoutMs = 5000;
const getPod = (name: string) => client.request<Pod>({ method: 'GET', path: `${PATHS.pods}/${name}` });
const getClaim = (name: string) =>
  client.request<ResourceClaim>({ method: 'GET', path: `${PATHS.claims}/${name}` });
const eventually = <T>(what: string, condition: () => Promise<T | undefined | false>) =>
  waitUntil(what, condition, { timeoutMs });

const scheduled = (name: string) =>
  eventually(`pod ${name} on a node`, async () => (await getPod(name)).spec.nodeName);
/** The message of the pod's PodScheduled=False condition, once it contains the words. */
const refused = (name: string, words: string) =>
  eventually(`pod ${name} refused with ${words}`, async () => {
    const conditions = (await getPod(name)).status?.conditions ?? [];
    const message = conditions.find(({ type, status }) => type === 'PodScheduled' && status === 'False')?.[
      'message'
    ];
    return typeof message === 'string' && message.includes(words) ? message : undefined;
  });

async function results(claim: string): Promise<AllocationResult[]> {
  return (await getClaim(claim)).status?.allocation?.devices.results ?? [];
}
const devicesOf = async (claim: string) => (await results(claim)).map(({ device }) => device);
const exactly = (more: Record<string, unknown> = {}, name = 'nic') => ({
  name,
  exactly: { deviceClassName: 'net', ...more },
});
const cel = (expression: string) => ({ selectors: [{ cel: { expression } }] });
const numa = (value: number) => ({ attributes: { kind: { string: 'dummy' }, numa: { int: value } } });

describe('scheduling', () => {
  it('allocates, reserves and binds', async () => {
    await addDevices([exampleDevice('d0')]);
    await addClaim('c');
    const pod = await usePod('p', 'c');
    expect(await scheduled('p')).toBe('node-1');
    const { status } = await getClaim('c');
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
    await post(PATHS.pods, examplePod('foreign', [], { schedulerName: 'other' }));
    await post(PATHS.pods, examplePod('plain'));
    expect(await scheduled('plain')).toBe('node-1');
    expect((await getPod('foreign')).spec.nodeName).toBeUndefined();
  });

  it('takes the node that has the devices and that the pod allows', async () => {
    for (const name of ['node-2', 'node-3']) {
      await post(PATHS.nodes, { metadata: { name, labels: { zone: name } } });
    }
    for (const nodeName of ['node-2', 'node-3']) {
      const pool = { name: nodeName, generation: 1, resourceSliceCount: 1 };
      await post(PATHS.slices, exampleSlice(nodeName, [exampleDevice('d')], { nodeName, pool }));
    }
    await addClaim('c');
    await post(
      PATHS.pods,
      examplePod('p', [{ name: 'c', resourceClaimName: 'c' }], { nodeSelector: { zone: 'node-3' } }),
    );
    expect(await scheduled('p')).toBe('node-3');
  });

  it('waits for what is missing and says so on the pod and in an event', async () => {
    await usePod('p', 'c');
    expect(await refused('p', 'not found')).toBe('resourceclaim "c" not found');
    await addClaim('c');
    const message = await refused('p', '0 of 0 fit');
    expect(message).toBe(
      '0/1 nodes are available: node-1: claim c: request nic: wants 1 device(s) of class net, 0 of 0 fit',
    );
    await eventually('an event', async () => {
      const { items } = await client.list(PATHS.events);
      return items.some((event) => JSON.stringify(event).includes('FailedScheduling'));
    });
    await addDevices([exampleDevice('d0')]);
    expect(await scheduled('p')).toBe('node-1');
  });

  it('names a class that does not exist', async () => {
    await addClaim('c', [{ name: 'nic', exactly: { deviceClassName: 'gone' } }]);
    await usePod('p', 'c');
    await refused('p', 'device class gone does not exist');
  });

  it('survives the end and the expiry of its watches', async () => {
    await addDevices([exampleDevice('d0')]);
    server.endWatches();
    server.expireWatches();
    await addClaim('c');
    await usePod('p', 'c');
    expect(await scheduled('p')).toBe('node-1');
  });
});

describe('devices', () => {
  it('are given to one claim only, until it is released', async () => {
    await addDevices([exampleDevice('d0')]);
    await addClaim('c1');
    await addClaim('c2');
    await usePod('p1', 'c1');
    await scheduled('p1');
    await usePod('p2', 'c2');
    await refused('p2', '1 in use');
    await remove(`${PATHS.pods}/p1`, { gracePeriodSeconds: 0 });
    await scheduled('p2');
    expect(await devicesOf('c2')).toEqual(['d0']);
    expect((await getClaim('c1')).status?.allocation).toBeUndefined();
  });

  it('are selected by the expressions of class and request', async () => {
    await addClass('dummies', {
      selectors: [{ cel: { expression: 'device.attributes["example.dev"].kind == "dummy"' } }],
    });
    await addDevices([
      { name: 'v', attributes: { kind: { string: 'veth' } } },
      exampleDevice('d0', numa(0)),
      exampleDevice('d1', numa(1)),
    ]);
    const request = exactly({
      deviceClassName: 'dummies',
      ...cel('device.attributes["example.dev"].numa == 1'),
    });
    await addClaim('c', [request]);
    await usePod('p', 'c');
    await scheduled('p');
    expect(await devicesOf('c')).toEqual(['d1']);
  });

  it('make the pod unschedulable when an expression fails on them', async () => {
    await addDevices([exampleDevice('d0')]);
    await addClaim('c', [exactly(cel('device.attributes["example.dev"].speed > 5'))]);
    await usePod('p', 'c');
    await refused('p', 'CEL error in "device.attributes[\\"example.dev\\"].speed > 5": No such key: speed');
  });

  it('count only when their pool is complete and of the highest generation', async () => {
    const pool = { name: 'node-1', generation: 2, resourceSliceCount: 2 };
    await post(PATHS.slices, exampleSlice('old', [exampleDevice('old')]));
    await post(PATHS.slices, exampleSlice('new-1', [exampleDevice('d1')], { pool }));
    await addClaim('c');
    await usePod('p', 'c');
    await refused('p', 'pool example.dev/node-1 is incomplete: 1 of 2 slices');
    await post(PATHS.slices, exampleSlice('new-2', [exampleDevice('d2')], { pool }));
    await scheduled('p');
    expect(['d1', 'd2']).toContain((await devicesOf('c'))[0]);
  });

  it('with a taint go only to those who tolerate it', async () => {
    const taints = [{ key: 'example.dev/broken', value: 'yes', effect: 'NoSchedule' }];
    await addDevices([exampleDevice('d0', { taints })]);
    await addClaim('c1');
    await usePod('p1', 'c1');
    await refused('p1', '1 tainted');
    const tolerations = [{ key: 'example.dev/broken', operator: 'Exists' }];
    await addClaim('c2', [exactly({ tolerations })]);
    await usePod('p2', 'c2');
    await scheduled('p2');
    expect(await results('c2')).toMatchObject([{ device: 'd0', tolerations }]);
  });

  it('with a taint of effect None go to anybody', async () => {
    await addDevices([exampleDevice('d0', { taints: [{ key: 'info', effect: 'None' }] })]);
    await addClaim('c');
    await usePod('p', 'c');
    await scheduled('p');
  });
});

describe('requests', () => {
  it('get the number of devices that they ask for, or all', async () => {
    await addDevices(['a', 'b', 'c'].map((name) => exampleDevice(name)));
    await addClaim('two', [exactly({ count: 2 })]);
    await usePod('p1', 'two');
    await scheduled('p1');
    expect(await devicesOf('two')).toEqual(['a', 'b']);
    await addClaim('all', [exactly({ allocationMode: 'All' })]);
    await usePod('p2', 'all');
    await refused('p2', 'wants all matching devices');
    await remove(`${PATHS.pods}/p1`, { gracePeriodSeconds: 0 });
    await scheduled('p2');
    expect(await devicesOf('all')).toEqual(['a', 'b', 'c']);
  });

  it('with alternatives get the first that can be had, under its full name', async () => {
    await addDevices([exampleDevice('d0', numa(0)), exampleDevice('d1', numa(1))]);
    const firstAvailable = [
      { name: 'best', deviceClassName: 'net', ...cel('device.attributes["example.dev"].numa == 7') },
      { name: 'good', deviceClassName: 'net', ...cel('device.attributes["example.dev"].numa == 1') },
      { name: 'any', deviceClassName: 'net' },
    ];
    await addClaim('c', [{ name: 'nic', firstAvailable }]);
    await usePod('p', 'c');
    await scheduled('p');
    expect(await results('c')).toMatchObject([{ request: 'nic/good', device: 'd1' }]);
  });

  it('with administrative access get devices that are in use, and use none', async () => {
    await patch('/api/v1/namespaces/default', {
      metadata: { labels: { 'resource.kubernetes.io/admin-access': 'true' } },
    });
    await addDevices([exampleDevice('d0')]);
    await addClaim('user');
    await usePod('p1', 'user');
    await scheduled('p1');
    await addClaim('admin', [exactly({ adminAccess: true })]);
    await usePod('p2', 'admin');
    await scheduled('p2');
    expect(await results('admin')).toMatchObject([{ device: 'd0', adminAccess: true }]);
    await remove(`${PATHS.pods}/p1`, { gracePeriodSeconds: 0 });
    await addClaim('next');
    await usePod('p3', 'next');
    await scheduled('p3');
    expect(await devicesOf('next')).toEqual(['d0']);
  });

  it('are satisfied by going back on earlier choices where needed', async () => {
    await addDevices([exampleDevice('d0', numa(0)), exampleDevice('d1', numa(1))]);
    await addClaim('c', [
      exactly({}, 'any'),
      exactly(cel('device.attributes["example.dev"].numa == 0'), 'zero'),
    ]);
    await usePod('p', 'c');
    await scheduled('p');
    expect(await results('c')).toMatchObject([
      { request: 'any', device: 'd1' },
      { request: 'zero', device: 'd0' },
    ]);
  });
});

describe('constraints', () => {
  const constraints = [{ matchAttribute: 'example.dev/numa' }];

  it('keep devices with the same attribute together', async () => {
    await addDevices([exampleDevice('a', numa(0)), exampleDevice('b', numa(1)), exampleDevice('c', numa(1))]);
    await addClaim('c', [exactly({}, 'one'), exactly({}, 'two')], { constraints });
    await usePod('p', 'c');
    await scheduled('p');
    expect(await devicesOf('c')).toEqual(['b', 'c']);
  });

  it('say so when nothing goes together', async () => {
    await addDevices([exampleDevice('a', numa(0)), exampleDevice('b', numa(1))]);
    await addClaim('c', [exactly({ count: 2 })], { constraints });
    await usePod('p', 'c');
    await refused('p', 'each request could be satisfied alone, but not all together within the constraints');
  });

  it('apply to the requests that they name, alternatives included', async () => {
    await addDevices([exampleDevice('a', numa(0)), exampleDevice('b', numa(1)), exampleDevice('c', numa(1))]);
    const alternative = { name: 'alt', firstAvailable: [{ name: 'x', deviceClassName: 'net' }] };
    await addClaim('c', [exactly({}, 'free'), exactly({}, 'one'), alternative], {
      constraints: [{ requests: ['one', 'alt'], matchAttribute: 'example.dev/numa' }],
    });
    await usePod('p', 'c');
    await scheduled('p');
    expect(await devicesOf('c')).toEqual(['a', 'b', 'c']);
  });
});

describe('configuration', () => {
  it('is copied from class and claim, in that order, for the requests that it concerns', async () => {
    const opaque = (from: string) => ({ opaque: { driver: 'example.dev', parameters: { from } } });
    await addClass('configured', { config: [opaque('class')] });
    await addDevices([exampleDevice('d0'), exampleDevice('d1')]);
    const firstAvailable = [
      { name: 'a', deviceClassName: 'configured' },
      { name: 'b', deviceClassName: 'net' },
    ];
    await addClaim('c', [{ name: 'nic', firstAvailable }, exactly({}, 'plain')], {
      config: [
        opaque('all'),
        { requests: ['nic'], ...opaque('nic') },
        { requests: ['nic/b'], ...opaque('unused') },
      ],
    });
    await usePod('p', 'c');
    await scheduled('p');
    expect((await getClaim('c')).status?.allocation?.devices.config).toEqual([
      { source: 'FromClass', requests: ['nic/a'], ...opaque('class') },
      { source: 'FromClaim', ...opaque('all') },
      { source: 'FromClaim', requests: ['nic'], ...opaque('nic') },
    ]);
  });
});

describe('consumable capacity', () => {
  const policy = { default: '1G', validRange: { min: '1G', max: '10G', step: '1G' } };
  const shared = {
    name: 'd0',
    allowMultipleAllocations: true,
    capacity: { bandwidth: { value: '10G', requestPolicy: policy } },
  };
  const wants = (bandwidth: string) => [exactly({ capacity: { requests: { bandwidth } } })];

  it('gives out shares until the capacity is used up', async () => {
    await addDevices([shared]);
    await addClaim('c1', wants('5500M'));
    await addClaim('c2', wants('4G'));
    await addClaim('c3', wants('1G'));
    await usePod('p1', 'c1');
    await scheduled('p1');
    await usePod('p2', 'c2');
    await scheduled('p2');
    const [[first], [second]] = [await results('c1'), await results('c2')];
    expect(first).toMatchObject({ device: 'd0', consumedCapacity: { bandwidth: '6G' } });
    expect(second).toMatchObject({ device: 'd0', consumedCapacity: { bandwidth: '4G' } });
    expect(first?.shareID).toMatch(/^[0-9a-f-]{36}$/);
    expect(second?.shareID).not.toBe(first?.shareID);
    await usePod('p3', 'c3');
    await refused('p3', '1 in use');
    await remove(`${PATHS.pods}/p2`, { gracePeriodSeconds: 0 });
    await scheduled('p3');
  });

  it('takes the default without a request, and refuses what the policy does not allow', async () => {
    await addDevices([shared]);
    await addClaim('c1');
    await usePod('p1', 'c1');
    await scheduled('p1');
    expect(await results('c1')).toMatchObject([{ consumedCapacity: { bandwidth: '1G' } }]);
    await addClaim('c2', wants('11G'));
    await usePod('p2', 'c2');
    await refused('p2', '1 too small');
  });

  it('is compared with the whole capacity on devices that are not shared', async () => {
    await addDevices([
      { name: 'small', capacity: { bandwidth: { value: '1G' } } },
      { name: 'large', capacity: { bandwidth: { value: '10G' } } },
    ]);
    await addClaim('c', wants('5G'));
    await usePod('p', 'c');
    await scheduled('p');
    const [result] = await results('c');
    expect(result).toMatchObject({ device: 'large' });
    expect(result?.shareID).toBeUndefined();
  });
});

describe('claims of pods', () => {
  const template = {
    metadata: { name: 't' },
    spec: { metadata: { labels: { made: 'yes' } }, spec: exampleClaim('x').spec },
  };
  const useTemplate = (name: string) =>
    post<Pod>(PATHS.pods, examplePod(name, [{ name: 'net', resourceClaimTemplateName: 't' }]));
  const made = async () => (await client.list<ResourceClaim>(PATHS.claims)).items;

  it('are made from templates and go with the pod', async () => {
    await addDevices([exampleDevice('d0')]);
    await post(PATHS.templates, template);
    const pod = await useTemplate('p');
    await scheduled('p');
    const [claim] = await made();
    expect(claim?.metadata).toMatchObject({
      generateName: 'p-net-',
      labels: { made: 'yes' },
      annotations: { 'resource.kubernetes.io/pod-claim-name': 'net' },
      ownerReferences: [{ kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true }],
    });
    expect((await getPod('p')).status?.resourceClaimStatuses).toEqual([
      { name: 'net', resourceClaimName: claim?.metadata.name },
    ]);
    await remove(`${PATHS.pods}/p`, { gracePeriodSeconds: 0 });
    await eventually('the claim is gone', async () => (await made()).length === 0);
  });

  it('are made once per pod, and released when the pod ends', async () => {
    await addDevices([exampleDevice('d0')]);
    await post(PATHS.templates, template);
    await useTemplate('p1');
    await scheduled('p1');
    await useTemplate('p2');
    await refused('p2', '1 in use');
    expect(await made()).toHaveLength(2);
    await patch(`${PATHS.pods}/p1/status`, { status: { phase: 'Succeeded' } });
    await scheduled('p2');
    expect(await made()).toHaveLength(1);
  });

  it('stay allocated while another pod uses them', async () => {
    await addDevices([exampleDevice('d0')]);
    await addClaim('c');
    await usePod('p1', 'c');
    await scheduled('p1');
    const second = await usePod('p2', 'c');
    await scheduled('p2');
    await remove(`${PATHS.pods}/p1`, { gracePeriodSeconds: 0 });
    const status = await eventually('one reservation', async () => {
      const claim = await getClaim('c');
      return claim.status?.reservedFor?.length === 1 ? claim.status : undefined;
    });
    expect(status.reservedFor?.[0]?.uid).toBe(second.metadata.uid);
    expect(status.allocation).toBeDefined();
  });

  it('are kept while a deleted pod is still ending on its node', async () => {
    await addDevices([exampleDevice('d0')]);
    await addClaim('c');
    await usePod('p', 'c');
    await scheduled('p');
    await remove(`${PATHS.pods}/p`);
    await addClaim('other');
    await usePod('q', 'other');
    await refused('q', '1 in use');
    expect((await getClaim('c')).status?.reservedFor).toHaveLength(1);
  });

  it('are not written over what a driver reports at the same time', async () => {
    await addDevices([exampleDevice('d0'), exampleDevice('d1')]);
    await addClaim('c', [exactly({ count: 2 })]);
    await usePod('p', 'c');
    await scheduled('p');
    const report = { driver: 'example.dev', pool: 'node-1', device: 'd0', data: { a: 1 } };
    await patch(`${PATHS.claims}/c/status`, { status: { devices: [report] } });
    await usePod('p2', 'c');
    await scheduled('p2');
    expect((await getClaim('c')).status?.devices).toEqual([report]);
  });
});

describe('failures of the API', () => {
  it('are tried again', async () => {
    await addDevices([exampleDevice('d0')]);
    const fault = server.inject({
      verb: 'patch',
      path: '/resourceclaims/',
      times: 3,
      fault: { kind: 'status', code: 503, reason: 'ServiceUnavailable' },
    });
    await addClaim('c');
    await usePod('p', 'c');
    await scheduled('p');
    expect(fault.hits).toBe(3);
    expect(errors.every((error) => error instanceof ApiRequestError && error.code === 503)).toBe(true);
    errors.length = 0;
  });
});
