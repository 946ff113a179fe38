import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeResourceApi } from '../testing/index.ts';
import type { FakeResourceApi } from '../testing/index.ts';
import type { Device } from './device.ts';
import { ResourceSlicePublisher } from './resource-slice-publisher.ts';
import type { ResourceSlice } from './resource-slice.ts';

const driverName = 'toys.example.com';
const backoff = { initialMs: 1, maximumMs: 4 };

/** One thing that happens to a published pool. */
type Step =
  | { readonly kind: 'update'; readonly from: number; readonly count: number; readonly size: number }
  | { readonly kind: 'delete' | 'edit' | 'raise' | 'duplicate'; readonly which: number }
  | { readonly kind: 'failures'; readonly statuses: readonly number[] }
  | { readonly kind: 'end watches' | 'expire history' | 'restart' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      from: fc.integer({ min: 0, max: 150 }),
      count: fc.constantFrom(0, 1, 2, 100, 127, 128, 129, 140, 260, 400),
      size: fc.integer({ min: 0, max: 2 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom('delete' as const, 'edit' as const, 'raise' as const, 'duplicate' as const),
      which: fc.nat(5),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('failures' as const),
      statuses: fc.array(fc.constantFrom(409, 500, 429), { maxLength: 3 }),
    }),
  },
  fc.record({ kind: fc.constantFrom('end watches' as const, 'expire history' as const, 'restart' as const) }),
);

function wantedDevices({ from, count, size }: { from: number; count: number; size: number }): Device[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `d${String(from + i).padStart(4, '0')}`,
    // Only every 150th device changes with the size, so that some updates touch a single slice.
    attributes: { size: { int: (from + i) % 150 === 0 ? size : 0 } },
  }));
}

describe('ResourceSlicePublisher under interference', () => {
  it('converges to the desired state after any sequence of updates, edits, deletions and failures', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const fake = await fakeResourceApi();
        fake.addNode('worker');
        let stop = () => Promise.resolve();
        const start = () => {
          const publisher = new ResourceSlicePublisher({
            api: fake.api,
            driverName,
            nodeName: 'worker',
            backoff,
          });
          const abort = new AbortController();
          const running = publisher.run(abort.signal);
          stop = () => {
            abort.abort();
            return running;
          };
          return publisher;
        };
        const slices = () => fake.slices<ResourceSlice>();
        let desired = wantedDevices({ from: 0, count: 3, size: 0 });
        let publisher = start();
        publisher.update([{ name: 'worker', devices: desired }]);
        try {
          for (const action of steps) {
            const chosen =
              'which' in action ? slices()[action.which % Math.max(1, slices().length)] : undefined;
            switch (action.kind) {
              case 'update':
                desired = wantedDevices(action);
                publisher.update([{ name: 'worker', devices: desired }]);
                break;
              case 'failures': {
                const left = [...action.statuses];
                fake.intercept = ({ method }) => {
                  const status = method === 'GET' ? undefined : left.shift();
                  return status === undefined ? undefined : { status };
                };
                break;
              }
              case 'end watches':
                fake.endWatches();
                break;
              case 'expire history':
                fake.expireHistory();
                break;
              case 'restart':
                await stop();
                publisher = start();
                publisher.update([{ name: 'worker', devices: desired }]);
                break;
              default:
                if (chosen !== undefined) interfere(fake, chosen, action.kind);
            }
            // Sometimes let the publisher catch up, sometimes hit it in the middle.
            if (action.kind === 'update')
              await new Promise((resolve) => setTimeout(resolve, action.size * 3));
          }
          await calm(fake, () => problem(slices(), desired));
          // Nothing more is written, also not by a successor.
          await stop();
          const writes = fake.writes.length;
          publisher = start();
          publisher.update([{ name: 'worker', devices: desired }]);
          await publisher.settled();
          expect(fake.writes.length).toBe(writes);
        } finally {
          await stop();
          await fake.stop();
        }
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  it('keeps the generation for a single changed slice and raises it for all otherwise', async () => {
    const update = fc.record({
      from: fc.integer({ min: 0, max: 150 }),
      count: fc.constantFrom(0, 1, 127, 128, 129, 260),
      size: fc.integer({ min: 0, max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(update, { minLength: 2, maxLength: 6 }), async (updates) => {
        const fake = await fakeResourceApi();
        fake.addNode('worker');
        const publisher = new ResourceSlicePublisher({
          api: fake.api,
          driverName,
          nodeName: 'worker',
          backoff,
        });
        const abort = new AbortController();
        const running = publisher.run(abort.signal);
        try {
          for (const one of updates) {
            const before = fake.slices<ResourceSlice>();
            const from = fake.writes.length;
            publisher.update([{ name: 'worker', devices: wantedDevices(one) }]);
            await publisher.settled();
            const after = fake.slices<ResourceSlice>();
            const methods = fake.writes.slice(from).map(({ method }) => method);
            const old = before[0]?.spec.pool.generation ?? 0;
            const rewritten = after.every(({ spec }) => spec.pool.generation === old + 1);
            const kept = after.every(({ spec }) => spec.pool.generation === old) && methods.length <= 1;
            expect(
              methods.length === 0 || (methods.length === 1 && methods[0] === 'PUT') ? kept : rewritten,
            ).toBe(true);
            expect(methods).toEqual([...methods].sort((a, b) => order(a) - order(b)));
            expect(problem(after, wantedDevices(one))).toBe('');
          }
        } finally {
          abort.abort();
          await running;
          await fake.stop();
        }
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});

/** Waits until all is well and stays so: what interfered last may still be on its way to the publisher. */
async function calm(fake: FakeResourceApi, currentProblem: () => string): Promise<void> {
  let writes = -1;
  while (writes !== fake.writes.length) {
    await expect.poll(currentProblem, { interval: 2, timeout: 5_000 }).toBe('');
    writes = fake.writes.length;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const order = (method: string) => ['DELETE', 'PUT', 'POST'].indexOf(method);

function interfere(
  fake: FakeResourceApi,
  slice: ResourceSlice,
  kind: 'delete' | 'edit' | 'raise' | 'duplicate',
): void {
  const { pool, devices = [] } = slice.spec;
  if (kind === 'delete') fake.deleteSlice(slice.metadata.name);
  if (kind === 'edit') fake.putSlice({ ...slice, ...{ spec: { ...slice.spec, devices: devices.slice(1) } } });
  if (kind === 'raise') {
    fake.putSlice({
      ...slice,
      ...{ spec: { ...slice.spec, pool: { ...pool, generation: pool.generation + 3 } } },
    });
  }
  if (kind === 'duplicate')
    fake.putSlice({ metadata: { name: `copy-of-${slice.metadata.uid}` }, ...{ spec: slice.spec } });
}

/** What a scheduler would find wrong with the pool; empty when it is complete, consistent and as desired. */
function problem(slices: readonly ResourceSlice[], desired: readonly Device[]): string {
  const generations = new Set(slices.map(({ spec }) => spec.pool.generation));
  if (generations.size !== 1) return `generations ${[...generations].join(', ')}`;
  if (slices.some(({ spec }) => spec.pool.resourceSliceCount !== slices.length)) return 'wrong count';
  const published = slices.flatMap(({ spec }) => spec.devices ?? []);
  const text = (devices: readonly Device[]) =>
    JSON.stringify(
      [...devices]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map(({ name, attributes }) => [name, attributes]),
    );
  return text(published) === text(desired) ? '' : `devices differ: ${published.length} of ${desired.length}`;
}
