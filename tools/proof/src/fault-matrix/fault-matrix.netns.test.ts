/** No device is lost wherever the driver is killed: all places are tried. */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { failureText, type Row } from './fault-matrix.ts';
import { makeFaultMatrix } from './make-fault-matrix.ts';
import { operations } from './operations.ts';
import { subjects } from './subjects.ts';

describe('fault matrix: kills of the driver (side effects)', () => {
  const rows: Row[] = [];

  it('is made whole', async ({ task }) => {
    const began = performance.now();
    await makeFaultMatrix([], availableParallelism(), (row) => rows.push(row));
    const wanted = subjects.map((subject) => subject.operations?.length ?? operations.length);
    expect(rows).toHaveLength(wanted.reduce((sum, count) => sum + count));
    const sum = (number: (row: Row) => number) => rows.reduce((total, row) => total + number(row), 0);
    task.meta.figures = {
      all: `${sum(({ kills }) => kills)} (${sum(({ effects }) => effects.length)})`,
      time: `${((performance.now() - began) / 1000).toFixed(0)} s`,
    };
  }, 900_000);

  it.for(subjects.map(({ name }) => name))(
    '%s: killed before and after each side effect, it loses nothing',
    (name, { task }) => {
      const ofSubject = rows.filter(({ subject }) => subject === name);
      task.meta.figures = Object.fromEntries(
        operations.map(({ name: operation }) => [operation, size(ofSubject, operation)]),
      );
      const failures = ofSubject.flatMap((row) => row.failures.map((failure) => failureText(row, failure)));
      expect(failures.join('\n')).toBe('');
      for (const { operation, effects, kills, absent } of ofSubject) {
        // Whatever it does, the driver keeps files about it.
        expect([operation, effects.length > 5]).toEqual([operation, true]);
        expect([operation, kills + absent]).toEqual([operation, 2 * effects.length]);
        expect([operation, absent <= 4]).toEqual([operation, true]);
      }
    },
  );
});

function size(rows: readonly Row[], operation: string): string {
  const row = rows.find((each) => each.operation === operation);
  return row === undefined ? '' : `${row.kills} (${row.effects.length})`;
}
