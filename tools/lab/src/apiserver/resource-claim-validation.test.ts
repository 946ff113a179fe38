import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { causes, exampleClaim, failure, PATHS, temporaryServer } from './example-objects.ts';
import type { LabApiClient } from './lab-api-client.ts';
import type { LabApiServer } from './lab-api-server.ts';
import type { ResourceClaim } from './resources/resource-claim-schema.ts';

let server: LabApiServer & AsyncDisposable;
let client: LabApiClient;
let count = 0;
let name = '';

beforeAll(async () => {
  server = await temporaryServer();
  client = server.client();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(() => (name = `c${String(++count)}`));

const create = (requests?: readonly unknown[], devices = {}) =>
  client.request<ResourceClaim>({
    method: 'POST',
    path: PATHS.claims,
    body: exampleClaim(name, requests, devices),
  });
const putStatus = (status: unknown) =>
  client.request<ResourceClaim>({
    method: 'PUT',
    path: `${PATHS.claims}/${name}/status`,
    body: { ...exampleClaim(name), status },
  });
const nic = { name: 'nic', exactly: { deviceClassName: 'net' } };

describe('what a claim asks for', () => {
  it('gets defaults: one device, exactly; status is not taken', async () => {
    const body = {
      ...exampleClaim(name),
      status: { reservedFor: [{ resource: 'pods', name: 'p', uid: 'u' }] },
    };
    const claim = await client.request<ResourceClaim>({ method: 'POST', path: PATHS.claims, body });
    expect(claim.spec.devices.requests).toEqual([
      { name: 'nic', exactly: { deviceClassName: 'net', allocationMode: 'ExactCount', count: 1 } },
    ]);
    expect(claim.status).toBeUndefined();
  });

  it('is immutable', async () => {
    await create();
    const body = exampleClaim(name, [{ ...nic, name: 'other' }]);
    const path = `${PATHS.claims}/${name}`;
    expect((await causes(client.request({ method: 'PUT', path, body })))[0]).toMatch(
      /^spec: Invalid value: .*: field is immutable$/,
    );
    const labelled = { ...exampleClaim(name), metadata: { name, labels: { a: 'b' } } };
    await expect(client.request({ method: 'PUT', path, body: labelled })).resolves.toBeDefined();
  });

  it.each([
    [
      'neither form',
      [{ name: 'r' }],
      'spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required',
    ],
    [
      'both forms',
      [{ ...nic, firstAvailable: [{ name: 's', deviceClassName: 'net' }] }],
      'multiple fields are set',
    ],
    [
      'no class',
      [{ name: 'r', exactly: {} }],
      'spec.devices.requests[0].exactly.deviceClassName: Required value',
    ],
    [
      'a count with All',
      [{ name: 'r', exactly: { deviceClassName: 'net', allocationMode: 'All', count: 2 } }],
      "must not be specified when allocationMode is 'All'",
    ],
    [
      'an unknown mode',
      [{ name: 'r', exactly: { deviceClassName: 'net', allocationMode: 'Some' } }],
      'Unsupported value: "Some"',
    ],
    ['a duplicate name', [nic, nic], 'spec.devices.requests[1]: Duplicate value: "nic"'],
    [
      'a selector that does not compile',
      [
        {
          name: 'r',
          exactly: { deviceClassName: 'net', selectors: [{ cel: { expression: 'device.nope' } }] },
        },
      ],
      'spec.devices.requests[0].exactly.selectors[0].cel.expression',
    ],
    [
      'a selector that is no bool',
      [
        {
          name: 'r',
          exactly: { deviceClassName: 'net', selectors: [{ cel: { expression: 'device.driver' } }] },
        },
      ],
      'must evaluate to bool',
    ],
  ])('refuses %s', async (_what, requests, words) => {
    expect((await causes(create(requests))).join()).toContain(words);
  });

  it('checks references to requests, constraints and configuration', async () => {
    const found = await causes(
      create([nic], {
        constraints: [
          { requests: ['other'], matchAttribute: 'example.dev/numa' },
          { matchAttribute: 'numa' },
          {},
        ],
        config: [
          {},
          { opaque: { driver: 'a.dev', parameters: [] } },
          { opaque: { driver: 'a.dev', parameters: { x: 'y'.repeat(10 * 1024) } } },
        ],
      }),
    );
    expect(found.map((text) => text.split(':', 1)[0])).toEqual([
      'spec.devices.constraints[0].requests[0]',
      'spec.devices.constraints[1].matchAttribute',
      'spec.devices.constraints[2]',
      'spec.devices.config[0].opaque',
      'spec.devices.config[1].opaque.parameters',
      'spec.devices.config[2].opaque.parameters',
    ]);
  });

  it('needs a label on the namespace for administrative access', async () => {
    const request = { name: 'r', exactly: { deviceClassName: 'net', adminAccess: true } };
    expect(await causes(create([request]))).toEqual([
      'spec.devices.requests[0].exactly.adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace',
    ]);
    const metadata = { name: `admin-${name}`, labels: { 'resource.kubernetes.io/admin-access': 'true' } };
    await client.request({ method: 'POST', path: '/api/v1/namespaces', body: { metadata } });
    await client.request({
      method: 'POST',
      path: PATHS.claims.replace('/default/', `/${metadata.name}/`),
      body: exampleClaim(name, [request]),
    });
  });
});

const result = { request: 'nic', driver: 'a.dev', pool: 'p', device: 'd0' };
const allocation = { devices: { results: [result] } };
const entry = { driver: 'a.dev', pool: 'p', device: 'd0' };

describe('allocation', () => {
  it('is immutable but can be taken away, and reports go with it', async () => {
    await create();
    await putStatus({ allocation, devices: [entry] });
    const other = { devices: { results: [{ ...result, device: 'd1' }] } };
    expect((await causes(putStatus({ allocation: other })))[0]).toMatch(
      /^status.allocation: .*field is immutable$/,
    );
    expect((await putStatus({ devices: [entry] })).status?.devices).toBeUndefined();
    await putStatus({ allocation: other });
  });

  it('must name requests of the claim', async () => {
    await create();
    const wrong = { devices: { results: [{ ...result, request: 'other' }] } };
    expect((await causes(putStatus({ allocation: wrong })))[0]).toContain(
      'status.allocation.devices.results[0].request',
    );
  });

  it('is needed for reservations', async () => {
    await create();
    const reservedFor = [{ resource: 'pods', name: 'p', uid: 'u' }];
    expect(await causes(putStatus({ reservedFor }))).toEqual([
      'status.reservedFor: Forbidden: may not be specified when `allocated` is not set',
    ]);
    await putStatus({ allocation, reservedFor });
  });
});

describe('device status', () => {
  const condition = {
    type: 'Ready',
    status: 'True',
    reason: 'Up',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  const report = async (more: Record<string, unknown>) => {
    await create();
    return causes(putStatus({ allocation, devices: [{ ...entry, ...more }] }));
  };
  const accept = async (more: Record<string, unknown>) => {
    await create();
    return putStatus({ allocation, devices: [{ ...entry, ...more }] });
  };

  it('must be about an allocated device, once', async () => {
    expect(await report({ device: 'd1' })).toEqual([
      'status.devices[0]: Invalid value: "a.dev/p/d1": must be an allocated device in the claim',
    ]);
    expect(await causes(putStatus({ allocation, devices: [entry, entry] }))).toEqual([
      'status.devices[1]: Duplicate value: "a.dev/p/d0"',
    ]);
  });

  it('takes 8 conditions but not 9, each type once, with a reason and a time', async () => {
    const conditions = (length: number) =>
      Array.from({ length }, (_, index) => ({ ...condition, type: `C${String(index)}` }));
    await accept({ conditions: conditions(8) });
    name = `c${String(++count)}`;
    expect(await report({ conditions: conditions(9) })).toEqual([
      'status.devices[0].conditions: Too many: 9: must have at most 8 items',
    ]);
    name = `c${String(++count)}`;
    expect(
      await report({ conditions: [condition, { ...condition, reason: '', lastTransitionTime: null }] }),
    ).toEqual([
      'status.devices[0].conditions[1].type: Duplicate value: "Ready"',
      'status.devices[0].conditions[1].lastTransitionTime: Required value: must be set',
      'status.devices[0].conditions[1].reason: Required value',
    ]);
  });

  it('takes 10 KiB of data but not more, and only an object', async () => {
    const data = (bytes: number) => ({ x: 'y'.repeat(bytes - 8) });
    await accept({ data: data(10 * 1024) });
    name = `c${String(++count)}`;
    expect(await report({ data: data(10 * 1024 + 1) })).toEqual([
      'status.devices[0].data: Too long: may not be more than 10240 bytes',
    ]);
    name = `c${String(++count)}`;
    expect(await report({ data: [1] })).toHaveLength(1);
  });

  it('takes 16 addresses but not 17, with prefix length and host bits, in canonical form, each once', async () => {
    const ips = (length: number) => Array.from({ length }, (_, index) => `10.0.0.${String(index)}/24`);
    await accept({ networkData: { ips: [...ips(15), '2001:db8::1/64'] } });
    name = `c${String(++count)}`;
    expect(await report({ networkData: { ips: ips(17) } })).toEqual([
      'status.devices[0].networkData.ips: Too many: 17: must have at most 16 items',
    ]);
    name = `c${String(++count)}`;
    const bad = [
      '10.0.0.1',
      '2001:DB8::1/64',
      '::ffff:10.0.0.2/120',
      '10.0.0.1/33',
      '10.0.0.9/8',
      '10.0.0.9/8',
    ];
    expect(await report({ networkData: { ips: bad } })).toEqual([
      'status.devices[0].networkData.ips[0]: Invalid value: "10.0.0.1": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
      'status.devices[0].networkData.ips[1]: Invalid value: "2001:DB8::1/64": must be in canonical form ("2001:db8::1/64")',
      'status.devices[0].networkData.ips[2]: Invalid value: "::ffff:10.0.0.2/120": must be in canonical form ("10.0.0.2/24")',
      'status.devices[0].networkData.ips[3]: Invalid value: "10.0.0.1/33": must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)',
      'status.devices[0].networkData.ips[5]: Duplicate value: "10.0.0.9/8"',
    ]);
  });

  it('takes interface names of 256 bytes and hardware addresses of 128', async () => {
    await accept({ networkData: { interfaceName: 'x'.repeat(256), hardwareAddress: 'x'.repeat(128) } });
    name = `c${String(++count)}`;
    const long = { interfaceName: 'x'.repeat(257), hardwareAddress: 'x'.repeat(129) };
    expect(await report({ networkData: long })).toHaveLength(2);
  });

  it('is dropped while its feature is off', async () => {
    await create();
    server.setFeatures({ DRAResourceClaimDeviceStatus: false });
    const { status } = await putStatus({ allocation, devices: [entry] });
    server.setFeatures({ DRAResourceClaimDeviceStatus: true });
    expect(status?.devices).toBeUndefined();
  });
});

describe('v1beta1', () => {
  const beta = (path: string) => path.replace('/v1/', '/v1beta1/');
  const flat = { name: 'nic', deviceClassName: 'net', count: 2 };

  it('has flat requests and shows the same claims', async () => {
    const path = beta(PATHS.claims);
    await client.request({ method: 'POST', path, body: exampleClaim(name, [flat]) });
    const full = { deviceClassName: 'net', allocationMode: 'ExactCount', count: 2 };
    const inV1 = await client.request({ method: 'GET', path: `${PATHS.claims}/${name}` });
    expect(inV1.spec).toEqual({ devices: { requests: [{ name: 'nic', exactly: full }] } });
    const inBeta = await client.request({ method: 'GET', path: `${path}/${name}` });
    expect(inBeta).toMatchObject({ apiVersion: 'resource.k8s.io/v1beta1' });
    expect(inBeta.spec).toEqual({ devices: { requests: [{ name: 'nic', ...full }] } });
  });

  it('does not know `exactly`, and v1 does not know `basic`', async () => {
    const claim = client.request({ method: 'POST', path: beta(PATHS.claims), body: exampleClaim(name) });
    expect(await failure(claim)).toMatchObject({ code: 422 });
    const device = { name: 'd', basic: { attributes: { a: { int: 1 } } } };
    const spec = {
      driver: 'a.dev',
      nodeName: 'n',
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      devices: [device],
    };
    const made = await client.request({
      method: 'POST',
      path: beta(PATHS.slices),
      body: { metadata: { name }, spec },
    });
    expect(made.spec).toEqual(spec);
    const v1 = await client.request({ method: 'GET', path: `${PATHS.slices}/${name}` });
    expect(v1.spec).toMatchObject({ devices: [{ name: 'd', attributes: { a: { int: 1 } } }] });
  });
});
