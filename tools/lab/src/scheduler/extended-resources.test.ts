import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { causes, exampleDevice, examplePod, PATHS } from '../apiserver/example-objects.ts';
import { ApiRequestError } from '../apiserver/lab-api-client.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { ResourceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import { exactly, TestCluster } from './test-cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start();
  await cluster.addClass('nics', { extendedResourceName: 'example.com/nic' });
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.errors).toEqual([]);
});

type Amounts = Record<string, string | number>;

function container(
  name: string,
  limits: Amounts,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return { name, image: 'none', resources: { limits }, ...more };
}

/** Creates a pod with these containers; containers that end come first. */
function create(
  name: string,
  containers: readonly unknown[],
  initContainers?: readonly unknown[],
): Promise<Pod> {
  const spec = { containers, ...(initContainers === undefined ? {} : { initContainers }) };
  return cluster.post<Pod>(PATHS.pods, examplePod(name, [], spec));
}

async function claims(): Promise<ResourceClaim[]> {
  return (await cluster.client.list<ResourceClaim>(PATHS.claims)).items;
}

/** The requests of the only claim: name, class and count. */
async function requests(): Promise<unknown[]> {
  const [claim] = await claims();
  return (claim?.spec.devices.requests ?? []).map(({ name, exactly: request }) => [
    name,
    request?.deviceClassName,
    request?.count,
  ]);
}

/** Container and request of each mapping in the pod's status. */
async function mappings(pod: string): Promise<string[]> {
  const { status } = await cluster.getPod(pod);
  return (status?.extendedResourceClaimStatus?.requestMappings ?? []).map(
    ({ containerName, resourceName, requestName }) => `${containerName} ${resourceName} ${requestName}`,
  );
}

function devices(count: number): Promise<unknown> {
  return cluster.addDevices(
    ...Array.from({ length: count }, (_, index) => exampleDevice(`d${String(index)}`)),
  );
}

describe('extended resources', () => {
  it('come from a claim of their own, which the pod owns and its status names', async () => {
    await devices(1);
    const pod = await create('p', [container('main', { 'example.com/nic': 1, cpu: '100m' })]);
    expect(pod.spec.containers[0]?.resources?.requests).toEqual({ 'example.com/nic': '1', cpu: '100m' });
    await cluster.scheduled('p');
    const [claim] = await claims();
    expect(claim?.metadata).toMatchObject({
      generateName: 'p-extended-resources-',
      annotations: { 'resource.kubernetes.io/extended-resource-claim': 'true' },
      ownerReferences: [{ kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true }],
    });
    expect(claim?.spec.devices.requests).toEqual([
      {
        name: 'container-0-request-1',
        exactly: { deviceClassName: 'nics', allocationMode: 'ExactCount', count: 1 },
      },
    ]);
    expect(claim?.status?.allocation?.devices.results).toMatchObject([
      { request: 'container-0-request-1', device: 'd0' },
    ]);
    expect(claim?.status?.reservedFor).toMatchObject([{ name: 'p', uid: pod.metadata.uid }]);
    expect((await cluster.getPod('p')).status?.extendedResourceClaimStatus).toEqual({
      resourceClaimName: claim?.metadata.name,
      requestMappings: [
        {
          containerName: 'main',
          resourceName: 'example.com/nic',
          requestName: 'container-0-request-1',
        },
      ],
    });
  });

  it('have their devices back when the pod ends', async () => {
    await devices(1);
    await create('p1', [container('main', { 'example.com/nic': 1 })]);
    await cluster.scheduled('p1');
    await create('p2', [container('main', { 'example.com/nic': 1 })]);
    await cluster.refused(
      'p2',
      'claim <extended-resources>: request container-0-request-0: wants 1 device(s)',
    );
    // Nothing is made for a pod that has no place.
    expect(await claims()).toHaveLength(1);
    await cluster.patch(`${PATHS.pods}/p1/status`, { status: { phase: 'Succeeded' } });
    await cluster.scheduled('p2');
    expect(await claims()).toHaveLength(1);
    await cluster.deletePod('p2');
    await cluster.eventually('the claim is gone', async () => (await claims()).length === 0);
  });

  it('have implicit names for every class', async () => {
    await devices(2);
    const net = 'deviceclass.resource.kubernetes.io/net';
    const nics = 'deviceclass.resource.kubernetes.io/nics';
    await create('p', [container('main', { [net]: 1, [nics]: 1 })]);
    await cluster.scheduled('p');
    expect(await requests()).toEqual([
      ['container-0-request-0', 'net', 1],
      ['container-0-request-1', 'nics', 1],
    ]);
  });

  it('give every container requests of its own', async () => {
    await devices(3);
    await create('p', [
      container('one', { 'example.com/nic': 2 }),
      container('none', { cpu: 1 }),
      container('two', { cpu: 1, 'example.com/nic': 1 }),
    ]);
    await cluster.scheduled('p');
    expect(await requests()).toEqual([
      ['container-0-request-0', 'nics', 2],
      ['container-2-request-1', 'nics', 1],
    ]);
    expect(await mappings('p')).toEqual([
      'one example.com/nic container-0-request-0',
      'two example.com/nic container-2-request-1',
    ]);
  });

  it('lend the devices of containers that stay to init containers that end', async () => {
    await devices(4);
    const nic = (count: number): Amounts => ({ 'example.com/nic': count });
    await create(
      'p',
      [container('main', nic(1))],
      [
        container('small', nic(1)),
        container('large', nic(4)),
        container('sidecar', nic(1), { restartPolicy: 'Always' }),
        container('medium', nic(2)),
      ],
    );
    await cluster.scheduled('p');
    // The largest needs two more than the sidecar and the main container have.
    expect(await requests()).toEqual([
      ['container-1-request-0', 'nics', 2],
      ['container-2-request-0', 'nics', 1],
      ['container-4-request-0', 'nics', 1],
    ]);
    expect(await mappings('p')).toEqual([
      'sidecar example.com/nic container-2-request-0',
      'main example.com/nic container-4-request-0',
      'small example.com/nic container-2-request-0',
      'large example.com/nic container-2-request-0',
      'large example.com/nic container-4-request-0',
      'large example.com/nic container-1-request-0',
      'medium example.com/nic container-4-request-0',
      'medium example.com/nic container-1-request-0',
    ]);
  });

  it('share the devices with claims that the pod names itself', async () => {
    await devices(2);
    await cluster.addClaim('c', [exactly()]);
    const spec = { containers: [container('main', { 'example.com/nic': 1 })] };
    await cluster.post(PATHS.pods, examplePod('p', [{ name: 'c', resourceClaimName: 'c' }], spec));
    await cluster.scheduled('p');
    const given = (await claims()).map(({ status }) => status?.allocation?.devices.results?.[0]?.device);
    expect(given.sort()).toEqual(['d0', 'd1']);
  });

  it('come from the newest of the classes that name them', async () => {
    await devices(1);
    // Creation times are in seconds; of the same age, the first by name counts.
    await cluster.addClass('a-nics', { extendedResourceName: 'example.com/nic' });
    await create('p', [container('main', { 'example.com/nic': 1 })]);
    await cluster.scheduled('p');
    expect(await requests()).toEqual([['container-0-request-0', 'a-nics', 1]]);
  });

  it('of a device plugin need no claim, and those of nobody have no place', async () => {
    await cluster.patch(`${PATHS.nodes}/node-1/status`, {
      status: { allocatable: { 'example.com/nic': '4' } },
    });
    await create('plugin', [container('main', { 'example.com/nic': 1 })]);
    await cluster.scheduled('plugin');
    expect(await claims()).toEqual([]);
    expect((await cluster.getPod('plugin')).status?.extendedResourceClaimStatus).toBeUndefined();
    await create('nobody', [container('main', { 'example.com/gpu': 1 })]);
    await cluster.refused('nobody', 'Insufficient example.com/gpu');
  });

  it('are asked for again from the start when scheduling fails half-way', async () => {
    await devices(1);
    const fault = cluster.server.inject({
      verb: 'patch',
      path: '/resourceclaims/',
      times: 2,
      fault: { kind: 'status', code: 503, reason: 'ServiceUnavailable' },
    });
    await create('p', [container('main', { 'example.com/nic': 1 })]);
    await cluster.scheduled('p');
    expect(fault.hits).toBe(2);
    const [claim, ...others] = await claims();
    expect(others).toEqual([]);
    expect((await cluster.getPod('p')).status?.extendedResourceClaimStatus?.resourceClaimName).toBe(
      claim?.metadata.name,
    );
    expect(cluster.errors.every((error) => error instanceof ApiRequestError && error.code === 503)).toBe(
      true,
    );
    cluster.errors.length = 0;
  });
});

describe('the API server', () => {
  it.each<[string, Record<string, unknown>, string]>([
    [
      'a part of a device',
      { limits: { 'example.com/nic': '500m' } },
      'spec.containers[0].resources.limits[example.com/nic]: Invalid value: "500m": must be an integer',
    ],
    [
      'a request without limit',
      { requests: { 'example.com/nic': 1 } },
      'spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources',
    ],
    [
      'a request below the limit',
      { requests: { 'example.com/nic': 1 }, limits: { 'example.com/nic': 2 } },
      'must be equal to example.com/nic limit of 2',
    ],
  ])('refuses %s', async (_, resources, words) => {
    const pod = examplePod('p', [], { containers: [{ name: 'main', resources }] });
    expect((await causes(cluster.post(PATHS.pods, pod))).join('\n')).toContain(words);
  });

  it.each(['nic', 'deviceclass.resource.kubernetes.io/net', 'requests.example.com/nic'])(
    'refuses the extended resource name %s in a class',
    async (extendedResourceName) => {
      const answer = cluster.post(PATHS.classes, { metadata: { name: 'x' }, spec: { extendedResourceName } });
      expect(await causes(answer)).toEqual([expect.stringContaining('must be an extended resource')]);
    },
  );
});
