import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Device } from './device.ts';
import { divideDevices } from './divide-devices.ts';
import type { ResourceSlice } from './resource-slice.ts';

const taints = [{ key: 'example.com/t', effect: 'NoSchedule' as const }];

function devices(count: number, tainted = 0): Device[] {
  return Array.from({ length: count }, (_, i) => ({
    name: `d${String(i).padStart(4, '0')}`,
    attributes: {},
    ...(i < tainted ? { taints } : {}),
  }));
}

function slice(name: string, content: readonly Device[], generation = 1): ResourceSlice {
  return {
    metadata: { name, uid: name, resourceVersion: '1' },
    spec: { driver: 'x', pool: { name: 'p', generation, resourceSliceCount: 1 }, devices: content },
  };
}

const sizes = (assignments: ReturnType<typeof divideDevices>) => assignments.map((a) => a.devices.length);

describe('divideDevices', () => {
  it('needs two slices for 129 devices, and for 65 of which one is tainted', () => {
    expect(sizes(divideDevices(devices(128), []))).toEqual([128]);
    expect(sizes(divideDevices(devices(129), []))).toEqual([128, 1]);
    expect(sizes(divideDevices(devices(64, 64), []))).toEqual([64]);
    expect(sizes(divideDevices(devices(65, 1), []))).toEqual([64, 1]);
  });

  it('gives an empty slice when there is nothing', () => {
    expect(divideDevices([], [])).toEqual([{ devices: [] }]);
    const old = slice('old', devices(3));
    expect(divideDevices([], [old])).toEqual([{ existing: old, devices: [] }]);
  });

  it('sorts by name, whatever order the devices come in', () => {
    const [assignment] = divideDevices(devices(5).reverse(), []);
    expect(assignment?.devices).toEqual(devices(5));
  });

  it('leaves devices where they are and puts a new one where there is room', () => {
    const all = devices(200);
    const [left, right] = [slice('left', all.slice(0, 128)), slice('right', all.slice(128, 199))];
    const assignments = divideDevices(
      [...all.slice(10, 200), { name: 'aaa', attributes: {} }],
      [left, right],
    );
    expect(assignments.map(({ existing }) => existing?.metadata.name)).toEqual(['left', 'right']);
    expect(sizes(assignments)).toEqual([120, 71]);
    expect(assignments[0]?.devices[0]?.name).toBe('aaa');
  });

  it('splits a full slice when a taint halves its limit, and does not merge at once when it goes', () => {
    const full = slice('full', devices(100));
    const split = divideDevices(devices(100, 1), [full]);
    expect(sizes(split)).toEqual([64, 36]);
    const both = split.map((assignment, i) => slice(`s${i}`, assignment.devices));
    expect(sizes(divideDevices(devices(100), both))).toEqual([64, 36]);
  });

  it('packs anew when few devices are left scattered over many slices', () => {
    const all = devices(400);
    const four = [0, 1, 2, 3].map((i) => slice(`s${i}`, all.slice(i * 100, i * 100 + 100)));
    const left = [0, 100, 200, 300].flatMap((i) => all.slice(i, i + 2));
    expect(sizes(divideDevices(left, four))).toEqual([8]);
  });

  it('loses no device, repeats none, keeps the limits and is stable, whatever is there', () => {
    const anyDevices = fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 300 }).chain((ids) =>
      fc.array(fc.boolean(), { minLength: ids.length, maxLength: ids.length }).map((flags) =>
        ids.map((id, i): Device => ({
          name: `d${id}`,
          attributes: {},
          ...(flags[i] && id % 7 === 0 ? { taints } : {}),
        })),
      ),
    );
    const anySlices = fc
      .array(fc.uniqueArray(fc.integer({ min: 0, max: 400 }), { maxLength: 128 }), { maxLength: 4 })
      .map((lists) =>
        lists.map((ids, i) =>
          slice(
            `s${i}`,
            ids.map((id) => ({ name: `d${id}`, attributes: {} })),
          ),
        ),
      );
    fc.assert(
      fc.property(anyDevices, anySlices, (wanted, existing) => {
        const result = divideDevices(wanted, existing);
        const names = result.flatMap((assignment) => assignment.devices.map(({ name }) => name));
        expect([...names].sort()).toEqual(wanted.map(({ name }) => name).sort());
        for (const assignment of result) {
          const limit = assignment.devices.some((device) => device.taints) ? 64 : 128;
          expect(assignment.devices.length).toBeLessThanOrEqual(limit);
          expect(assignment.devices.length > 0 || result.length === 1).toBe(true);
        }
        const used = result.flatMap(({ existing }) => existing ?? []);
        expect(new Set(used).size).toBe(used.length);
        const published = result.map((assignment, i) => slice(`n${i}`, assignment.devices, 2));
        expect(divideDevices(wanted, published).map((a) => a.devices)).toEqual(result.map((a) => a.devices));
      }),
      { numRuns: 60 },
    );
  });
});
