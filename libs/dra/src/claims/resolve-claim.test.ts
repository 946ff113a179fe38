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

  it('reads past configuration that is nobody’s or another driver’s, whatever it looks like', async () => {
    const { devices } = await resolve(
      [result('toy', 'toy-1')],
      [
        { source: 'FromClaim', opaque: { driver: 'gpu.example.com', parameters: 'not even an object' } },
        { source: 'FromClaim', requests: [] },
        { source: 'FromClaim', opaque: { driver, parameters: { colour: 'red' } } },
      ],
    );
    expect(devices[0]?.configs).toEqual([{ source: 'FromClaim', parameters: { colour: 'red' } }]);
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

  it('explains what to enable when the API server has no Dynamic Resource Allocation', async () => {
    const bare = await fakeResourceApi({ versions: ['v1alpha3'] });
    await expect(resolveClaim(bare.api, driver, reference)).rejects.toThrow('(served: v1alpha3;');
    await bare.stop();
  });
});
