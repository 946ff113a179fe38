import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exampleClaim, exampleDevice, examplePod, PATHS } from '../apiserver/example-objects.ts';
import { ApiRequestError } from '../apiserver/lab-api-client.ts';
import type { Pod } from '../apiserver/resources/core-strategies.ts';
import type { ResourceClaim } from '../apiserver/resources/resource-claim-schema.ts';
import { exactly, TestCluster } from './test-cluster.ts';

let cluster: TestCluster;

beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => {
  await cluster.stop();
  expect(cluster.errors).toEqual([]);
});

describe('claims of pods', () => {
  const template = {
    metadata: { name: 't' },
    spec: { metadata: { labels: { made: 'yes' } }, spec: exampleClaim('x').spec },
  };
  const useTemplate = (name: string) =>
    cluster.post<Pod>(PATHS.pods, examplePod(name, [{ name: 'net', resourceClaimTemplateName: 't' }]));
  const made = async () => (await cluster.client.list<ResourceClaim>(PATHS.claims)).items;

  it('are made from templates and go with the pod', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.post(PATHS.templates, template);
    const pod = await useTemplate('p');
    await cluster.scheduled('p');
    const [claim] = await made();
    expect(claim?.metadata).toMatchObject({
      generateName: 'p-net-',
      labels: { made: 'yes' },
      annotations: { 'resource.kubernetes.io/pod-claim-name': 'net' },
      ownerReferences: [{ kind: 'Pod', name: 'p', uid: pod.metadata.uid, controller: true }],
    });
    expect((await cluster.getPod('p')).status?.resourceClaimStatuses).toEqual([
      { name: 'net', resourceClaimName: claim?.metadata.name },
    ]);
    await cluster.deletePod('p');
    await cluster.eventually('the claim is gone', async () => (await made()).length === 0);
  });

  it('are made once per pod, and released when the pod ends', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.post(PATHS.templates, template);
    await useTemplate('p1');
    await cluster.scheduled('p1');
    await useTemplate('p2');
    await cluster.refused('p2', '1 in use');
    expect(await made()).toHaveLength(2);
    await cluster.patch(`${PATHS.pods}/p1/status`, { status: { phase: 'Succeeded' } });
    await cluster.scheduled('p2');
    expect(await made()).toHaveLength(1);
  });

  it('stay allocated while another pod uses them', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.addClaim('c');
    await cluster.usePod('p1', 'c');
    await cluster.scheduled('p1');
    const second = await cluster.usePod('p2', 'c');
    await cluster.scheduled('p2');
    await cluster.deletePod('p1');
    const status = await cluster.eventually('one reservation', async () => {
      const claim = await cluster.getClaim('c');
      return claim.status?.reservedFor?.length === 1 ? claim.status : undefined;
    });
    expect(status.reservedFor?.[0]?.uid).toBe(second.metadata.uid);
    expect(status.allocation).toBeDefined();
  });

  it('are kept while a deleted pod is still ending on its node', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    await cluster.addClaim('c');
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    await cluster.deletePod('p', {});
    await cluster.addClaim('other');
    await cluster.usePod('q', 'other');
    await cluster.refused('q', '1 in use');
    expect((await cluster.getClaim('c')).status?.reservedFor).toHaveLength(1);
  });

  it('are not written over what a driver reports at the same time', async () => {
    await cluster.addDevices(exampleDevice('d0'), exampleDevice('d1'));
    await cluster.addClaim('c', [exactly({ count: 2 })]);
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    const report = { driver: 'example.dev', pool: 'node-1', device: 'd0', data: { a: 1 } };
    await cluster.patch(`${PATHS.claims}/c/status`, { status: { devices: [report] } });
    await cluster.usePod('p2', 'c');
    await cluster.scheduled('p2');
    expect((await cluster.getClaim('c')).status?.devices).toEqual([report]);
  });
});

describe('failures of the API', () => {
  it('are tried again', async () => {
    await cluster.addDevices(exampleDevice('d0'));
    const fault = cluster.server.inject({
      verb: 'patch',
      path: '/resourceclaims/',
      times: 3,
      fault: { kind: 'status', code: 503, reason: 'ServiceUnavailable' },
    });
    await cluster.addClaim('c');
    await cluster.usePod('p', 'c');
    await cluster.scheduled('p');
    expect(fault.hits).toBe(3);
    expect(cluster.errors.every((error) => error instanceof ApiRequestError && error.code === 503)).toBe(
      true,
    );
    cluster.errors.length = 0;
  });
});
