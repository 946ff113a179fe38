import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { causes, exampleDevice, exampleSlice, failure, PATHS, temporaryServer } from './example-objects.ts';
import type { LabApiClient } from './lab-api-client.ts';
import type { LabApiServer } from './lab-api-server.ts';
import type { ResourceSlice } from './resources/resource-slice-schema.ts';

let server: LabApiServer & AsyncDisposable;
let client: LabApiClient;

beforeAll(async () => {
  server = await temporaryServer({ features: { DRAListTypeAttributes: true } });
  client = server.client();
});
afterAll(() => server[Symbol.asyncDispose]());

let count = 0;
const create = (devices: readonly unknown[], spec = {}) =>
  client.request<ResourceSlice>({
    method: 'POST',
    path: PATHS.slices,
    body: exampleSlice(`s${String(++count)}`, devices, spec),
  });
const many = (length: number, more = {}) =>
  Array.from({ length }, (_, index) => exampleDevice(`d${String(index)}`, more));
const taint = { key: 'example.dev/broken', effect: 'NoSchedule' };

describe('how many', () => {
  it('takes 128 plain devices but not 129', async () => {
    await create(many(128));
    expect(await causes(create(many(129)))).toEqual([
      'spec.devices: Too many: 129: must have at most 128 items',
    ]);
  });

  it.each([
    ['taints', { taints: [taint] }],
    ['counters', { consumesCounters: [{ counterSet: 'c', counters: { a: { value: 1 } } }] }],
    ['list attributes', { attributes: { numa: { ints: [0, 1] } } }],
  ])('takes 64 devices but not 65 when one of them has %s', async (_what, more) => {
    await create([...many(63), exampleDevice('last', more)]);
    expect(await causes(create([...many(64), exampleDevice('last', more)]))).toEqual([
      'spec.devices: Too many: 65: must have at most 64 items',
    ]);
  });

  it('takes 32 attributes and capacities together but not 33', async () => {
    const entries = (length: number, value: object) =>
      Object.fromEntries(Array.from({ length }, (_, index) => [`a${String(index)}`, value]));
    const attributes = entries(20, { bool: true });
    await create([{ name: 'd', attributes, capacity: entries(12, { value: '1' }) }]);
    expect(await causes(create([{ name: 'd', attributes, capacity: entries(13, { value: '1' }) }]))).toEqual([
      'spec.devices[0]: Invalid value: 33: the total number of attributes and capacities must not exceed 32',
    ]);
  });

  it('takes 16 taints but not 17', async () => {
    const taints = (length: number) =>
      Array.from({ length }, (_, index) => ({ ...taint, key: `k${String(index)}` }));
    await create([exampleDevice('d', { taints: taints(16) })]);
    expect(await causes(create([exampleDevice('d', { taints: taints(17) })]))).toEqual([
      'spec.devices[0].taints: Too many: 17: must have at most 16 items',
    ]);
  });

  it('refuses two devices of one name', async () => {
    expect(await causes(create([exampleDevice('d'), exampleDevice('d')]))).toEqual([
      'spec.devices[1]: Duplicate value: "d"',
    ]);
  });
});

describe('values', () => {
  const attribute = (name: string, value: unknown) =>
    causes(create([{ name: 'd', attributes: { [name]: value } }]));
  const accepted = (name: string, value: unknown) => create([{ name: 'd', attributes: { [name]: value } }]);

  it('takes strings and versions of 64 bytes, no more', async () => {
    await accepted('a', { string: 'x'.repeat(64) });
    expect(await attribute('a', { string: 'x'.repeat(65) })).toEqual([
      'spec.devices[0].attributes[a].string: Too long: may not be more than 64 bytes',
    ]);
    expect(await attribute('a', { string: 'ü'.repeat(33) })).toHaveLength(1);
    expect(await attribute('a', { version: `1.0.0-${'x'.repeat(60)}` })).toHaveLength(1);
  });

  it.each(['1.2.3', '0.0.0-alpha.1+build.5', '10.20.30'])('takes %s for a version', async (version) => {
    await accepted('v', { version });
  });

  it.each(['1.2', 'v1.2.3', '01.2.3', '1.2.3-', ''])('does not take %j for a version', async (version) => {
    expect(await attribute('v', { version })).toEqual([
      `spec.devices[0].attributes[v].version: Invalid value: ${JSON.stringify(version)}: must be a string compatible with semver.org spec 2.0.0`,
    ]);
  });

  it('wants exactly one value', async () => {
    expect(await attribute('a', {})).toEqual([
      'spec.devices[0].attributes[a]: Invalid value: "": exactly one value must be specified',
    ]);
    expect(await attribute('a', { int: 1, bool: true })).toHaveLength(1);
  });

  it('wants C identifiers of 32 bytes after an optional domain of 63', async () => {
    await accepted('a'.repeat(32), { int: 1 });
    await accepted(`${'d'.repeat(59)}.dev/_x`, { int: 1 });
    expect(await attribute('a'.repeat(33), { int: 1 })).toHaveLength(1);
    expect(await attribute('has-dash', { int: 1 })).toHaveLength(1);
    expect(await attribute('1a', { int: 1 })).toHaveLength(1);
    expect(await attribute(`${'d'.repeat(60)}.dev/x`, { int: 1 })).toHaveLength(1);
    expect(await attribute('/x', { int: 1 })).toEqual([
      'spec.devices[0].attributes: Invalid value: "": the domain must not be empty',
    ]);
    expect(await attribute('a/b/c', { int: 1 })).toHaveLength(1);
  });

  it('answers 400 for what is no quantity', async () => {
    const status = await failure(create([{ name: 'd', capacity: { c: { value: '5 apples' } } }]));
    expect(status).toMatchObject({ code: 400, reason: 'BadRequest' });
    expect(status.message).toContain('quantities must match the regular expression');
  });

  it.each(['Upper', 'under_score', '-dash', 'x'.repeat(64), ''])(
    'does not take %j for a device name',
    async (name) => {
      expect((await causes(create([{ name }])))[0]).toContain('spec.devices[0].name');
    },
  );
});

describe('pool, driver and node', () => {
  const spec = (more: Record<string, unknown>) => causes(create([], more));
  const pool = (more: Record<string, unknown>) => ({
    pool: { name: 'p', generation: 1, resourceSliceCount: 1, ...more },
  });

  it('wants DNS subdomains joined by slashes, 253 bytes, for the pool', async () => {
    await create([], pool({ name: 'a.b/c/d-e' }));
    await create([], pool({ name: 'x'.repeat(253) }));
    expect(await spec(pool({ name: '' }))).toEqual(['spec.pool.name: Required value']);
    expect(await spec(pool({ name: `${'x'.repeat(200)}/${'y'.repeat(60)}` }))).toEqual([
      'spec.pool.name: Too long: may not be more than 253 bytes',
    ]);
    expect(await spec(pool({ name: 'a//b' }))).toHaveLength(1);
    expect(await spec(pool({ name: 'A' }))).toHaveLength(1);
  });

  it('wants a count of slices and a generation that is not negative', async () => {
    expect(await spec(pool({ resourceSliceCount: 0 }))).toEqual([
      'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
    ]);
    expect(await spec(pool({ generation: -1 }))).toEqual([
      'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
    ]);
  });

  it('wants a DNS subdomain of 63 bytes for the driver', async () => {
    expect(await spec({ driver: '' })).toEqual(['spec.driver: Required value']);
    expect(await spec({ driver: 'x'.repeat(64) })).toEqual([
      'spec.driver: Too long: may not be more than 63 bytes',
    ]);
    expect(await spec({ driver: 'a_b' })).toHaveLength(1);
  });

  it('wants one of the ways to say on which nodes', async () => {
    const words =
      'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
    expect(await spec({ nodeName: undefined })).toEqual([`spec: Required value: ${words}`]);
    expect(await spec({ allNodes: true })).toEqual([
      `spec: Invalid value: "{\`nodeName\`, \`allNodes\`}": ${words}, but multiple fields are set`,
    ]);
  });

  it('takes devices or shared counters, not both', async () => {
    const sharedCounters = [{ name: 'c', counters: { a: { value: 1 } } }];
    await create([], { sharedCounters });
    expect(await causes(create([exampleDevice('d')], { sharedCounters }))).toEqual([
      'spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed',
    ]);
  });

  it('does not let driver, node and pool change', async () => {
    const { metadata } = await create([exampleDevice('d')]);
    const name = metadata.name ?? '';
    const update = (more: Record<string, unknown>) =>
      causes(
        client.request({
          method: 'PUT',
          path: `${PATHS.slices}/${name}`,
          body: exampleSlice(name, [], more),
        }),
      );
    expect(await update({ driver: 'other.dev' })).toEqual([
      'spec.driver: Invalid value: "other.dev": field is immutable',
    ]);
    expect(await update({ nodeName: 'node-2' })).toEqual([
      'spec.nodeName: Invalid value: "node-2": field is immutable',
    ]);
    expect(await update(pool({ name: 'other' }))).toEqual([
      'spec.pool.name: Invalid value: "other": field is immutable',
    ]);
  });
});

describe('taints', () => {
  it('get the time when they have none, and keep theirs', async () => {
    const { spec } = await create([
      exampleDevice('a', { taints: [taint] }),
      exampleDevice('b', { taints: [{ ...taint, timeAdded: '2026-01-02T03:04:05.678Z' }] }),
    ]);
    expect(spec.devices?.[0]?.taints?.[0]?.timeAdded).toMatch(/^\d{4}-.*Z$/);
    expect(spec.devices?.[1]?.taints?.[0]?.timeAdded).toBe('2026-01-02T03:04:05Z');
  });

  it('need a key and a known effect', async () => {
    const taints = [{ key: '', effect: 'NoSchedule' }, { key: 'k', effect: 'Sometimes' }, { key: 'k' }];
    const found = await causes(create([exampleDevice('d', { taints })]));
    expect(found).toContain(
      'spec.devices[0].taints[1].effect: Unsupported value: "Sometimes": supported values: "NoExecute", "NoSchedule", "None"',
    );
    expect(found).toContain('spec.devices[0].taints[2].effect: Required value');
    expect(found.some((text) => text.startsWith('spec.devices[0].taints[0].key'))).toBe(true);
  });
});

describe('consumable capacity', () => {
  const shared = (requestPolicy: unknown, more = {}) => ({
    name: 'd',
    allowMultipleAllocations: true,
    capacity: { bandwidth: { value: '10G', requestPolicy } },
    ...more,
  });

  it('takes a list or a range of values with a default', async () => {
    await create([shared({ default: '1G', validValues: ['1G', '2G'] })]);
    await create([shared({ default: '1G', validRange: { min: '1G', max: '10G', step: '1G' } })]);
  });

  it.each([
    ['no default', { validValues: ['1G'] }, 'default: Required value'],
    ['a default that is no option', { default: '3G', validValues: ['1G'] }, 'default value is not valid'],
    ['unsorted options', { default: '1G', validValues: ['2G', '1G'] }, 'sorted in ascending order'],
    [
      'a maximum above the capacity',
      { default: '1G', validRange: { min: '1G', max: '11G' } },
      'larger than capacity',
    ],
    [
      'a default off the steps',
      { default: '1500M', validRange: { min: '1G', step: '1G' } },
      'not a multiple',
    ],
    ['both kinds', { default: '1G', validValues: ['1G'], validRange: { min: '1G' } }, 'exactly one policy'],
  ])('refuses %s', async (_what, policy, words) => {
    expect((await causes(create([shared(policy)]))).join()).toContain(words);
  });

  it('is only for devices that can be allocated more than once', async () => {
    const policy = { default: '1G', validValues: ['1G'] };
    expect(await causes(create([shared(policy, { allowMultipleAllocations: false })]))).toEqual([
      'spec.devices[0].capacity[bandwidth].requestPolicy: Forbidden: allowMultipleAllocations must be true',
    ]);
  });
});

describe('disabled features', () => {
  it('lose their fields on write', async () => {
    await using old = await temporaryServer({
      features: { DRADeviceTaints: false, DRAConsumableCapacity: false, DRADeviceBindingConditions: false },
    });
    const policy = { default: '1', validValues: ['1'] };
    const device = exampleDevice('d', {
      taints: [taint],
      allowMultipleAllocations: true,
      bindsToNode: true,
      capacity: { c: { value: '1', requestPolicy: policy } },
      attributes: { kept: { string: 'x' } },
    });
    const { spec } = await old.client().request<ResourceSlice>({
      method: 'POST',
      path: PATHS.slices,
      body: exampleSlice('s', [device]),
    });
    expect(spec.devices).toEqual([
      { name: 'd', attributes: { kept: { string: 'x' } }, capacity: { c: { value: '1' } } },
    ]);
  });

  it('keep their fields where they are in use already', async () => {
    await using old = await temporaryServer();
    const body = exampleSlice('s', [exampleDevice('d', { taints: [taint] })]);
    const created = await old.client().request<ResourceSlice>({ method: 'POST', path: PATHS.slices, body });
    old.setFeatures({ DRADeviceTaints: false });
    const again = await old.client().request<ResourceSlice>({
      method: 'PUT',
      path: `${PATHS.slices}/s`,
      body: { ...created, metadata: { name: 's', labels: { a: 'b' } } },
    });
    expect(again.spec.devices?.[0]?.taints).toHaveLength(1);
  });
});
