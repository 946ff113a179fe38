import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeResourceApi } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import { ClaimMalformedError } from './claim-errors.ts';
import { resolveClaim } from './resolve-claim.ts';

const driver = 'toys.example.com';
const reference = { uid: 'uid-a', namespace: 'default', name: 'a' };

function result(request: string, device: string, more: object = {}): object {
  return { request, driver, pool: 'worker', device, ...more };
}

function config(
  source: string,
  requests: readonly string[] | undefined,
  parameters: unknown,
  owner = driver,
): object {
  return { source, ...(requests ? { requests } : {}), opaque: { driver: owner, parameters } };
}

describe('resolveClaim', () => {
  let fake: FakeResourceApi;

  beforeEach(async () => {
    fake = await fakeResourceApi();
  });
  afterEach(() => fake.stop());

  /** Stores a claim with that allocation and resolves it. */
  function resolve(results: readonly object[], configs: readonly object[] = [], more: object = {}) {
    const claim = {
      metadata: { name: 'a', namespace: 'default', uid: 'uid-a' },
      status: { allocation: { devices: { results, config: configs } } },
      ...more,
    };
    fake.putClaim(claim);
    return resolveClaim(fake.api, driver, reference);
  }

  async function parametersByRequest(results: readonly object[], configs: readonly object[]) {
    const { devices } = await resolve(results, configs);
    return Object.fromEntries(
      devices.map(({ request, configs }) => [request, configs.map((c) => c.parameters)]),
    );
  }

  it('check 17: results and configuration of other drivers are left out, unread', async () => {
    const foreign = { request: 'gpu', driver: 'gpu.example.com', pool: 'x', device: 'gpu-0' };
    const claim = await resolve(
      [foreign, result('toy', 'toy-1')],
      [
        config('FromClaim', [], 'not even an object', 'gpu.example.com'),
        { source: 'FromClaim', requests: [] },
        config('FromClaim', [], { colour: 'red' }),
      ],
    );
    expect(claim.devices).toEqual([
      {
        request: 'toy',
        pool: 'worker',
        device: 'toy-1',
        adminAccess: false,
        configs: [{ source: 'FromClaim', parameters: { colour: 'red' } }],
      },
    ]);
  });

  it('check 18: a configuration without request names applies to all requests', async () => {
    const both = [result('a', 'toy-1'), result('b/sub', 'toy-2')];
    expect(
      await parametersByRequest(both, [config('FromClaim', [], 1), config('FromClaim', undefined, 2)]),
    ).toEqual({
      a: [1, 2],
      'b/sub': [1, 2],
    });
  });

  it('check 19: a configuration for a request reaches its subrequest, one for a sibling does not', async () => {
    const configs = [
      config('FromClaim', ['req'], 'request'),
      config('FromClaim', ['req/sub'], 'subrequest'),
      config('FromClaim', ['req/sibling'], 'sibling'),
      config('FromClaim', ['re'], 'other'),
    ];
    expect(await parametersByRequest([result('req/sub', 'toy-1')], configs)).toEqual({
      'req/sub': ['request', 'subrequest'],
    });
  });

  it('check 20: class configuration comes first whatever the order of the list', async () => {
    const { devices } = await resolve(
      [result('toy', 'toy-1')],
      [
        config('FromClaim', [], 'claim 1'),
        config('FromClass', [], 'class 1'),
        config('FromClaim', [], 'claim 2'),
        config('FromClass', [], 'class 2'),
      ],
    );
    expect(devices[0]?.configs.map(({ parameters }) => parameters)).toEqual([
      'class 1',
      'class 2',
      'claim 1',
      'claim 2',
    ]);
  });

  it('tells who the claim is for, under which name the pod knows it, and what a share consumes', async () => {
    const claim = await resolve([], [], {
      metadata: {
        name: 'a',
        namespace: 'default',
        uid: 'uid-a',
        annotations: { 'resource.kubernetes.io/pod-claim-name': 'toys' },
      },
      status: {
        reservedFor: [{ resource: 'pods', name: 'pod-1', uid: 'uid-pod' }],
        allocation: {
          devices: {
            results: [
              result('toy', 'toy-1', {
                shareID: 's',
                adminAccess: true,
                consumedCapacity: { bandwidth: '1G' },
              }),
            ],
          },
        },
      },
    });
    expect(claim).toEqual({
      ...reference,
      podClaimName: 'toys',
      reservedFor: [{ resource: 'pods', name: 'pod-1', uid: 'uid-pod' }],
      devices: [
        {
          request: 'toy',
          pool: 'worker',
          device: 'toy-1',
          shareId: 's',
          adminAccess: true,
          consumedCapacity: { bandwidth: '1G' },
          configs: [],
        },
      ],
    });
  });

  it('names the field of an allocation that cannot be understood', async () => {
    const problem = await resolve([{ request: 'toy', driver, pool: 'worker' }]).catch(
      (error: unknown) => error,
    );
    expect(problem).toBeInstanceOf(ClaimMalformedError);
    expect(String(problem)).toContain('status.allocation.devices.results.0.device');
  });

  it('says which permission is missing when the API server forbids reading', async () => {
    fake.intercept = ({ path }) =>
      path.includes('resourceclaims')
        ? { status: 403, body: { kind: 'Status', message: 'no get' } }
        : undefined;
    await expect(resolve([])).rejects.toThrow('check the driver’s ClusterRole (HTTP 403): no get');
  });

  it.each(['v1', 'v1beta2', 'v1beta1'])(
    'check 43: reads claims from a server that only has %s',
    async (version) => {
      const old = await fakeResourceApi({ versions: [version, 'v1alpha3'] });
      const claim = {
        metadata: { name: 'a', namespace: 'default', uid: 'uid-a' },
        status: { allocation: { devices: { results: [result('toy', 'toy-1')] } } },
      };
      old.putClaim(claim);
      expect((await resolveClaim(old.api, driver, reference)).devices).toHaveLength(1);
      expect(old.requests.at(-1)?.path).toBe(
        `/apis/resource.k8s.io/${version}/namespaces/default/resourceclaims/a`,
      );
      await old.stop();
    },
  );

  it('explains what to enable when the API server has no Dynamic Resource Allocation', async () => {
    const bare = await fakeResourceApi({ versions: ['v1alpha3'] });
    await expect(resolveClaim(bare.api, driver, reference)).rejects.toThrow('(served: v1alpha3;');
    await bare.stop();
  });
});
