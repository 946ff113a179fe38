import { expect, it } from 'vitest';
import { figuresTables } from './figures-tables.ts';

it('shows a table for each suite with all that its tests have measured', () => {
  const [faults = '', speed = '', ...more] = figuresTables([
    { suite: 'faults', title: 'a reset', figures: { recovered: '1 s' } },
    { suite: 'speed', title: 'hook', figures: { median: '2 ms' } },
    { suite: 'faults', title: 'a hang', figures: { recovered: '3 s', pods: 'undisturbed' } },
  ]);
  expect(more).toEqual([]);
  const cells = (table: string) =>
    table.split('\n').map((line) =>
      line
        .split('│')
        .map((cell) => cell.trim())
        .join('|'),
    );
  expect(cells(faults)).toEqual(
    expect.arrayContaining(['|faults|recovered|pods|', '|a reset|1 s||', '|a hang|3 s|undisturbed|']),
  );
  expect(cells(speed)).toContain('|hook|2 ms|');
});

it('shows nothing when nothing was measured', () => {
  expect(figuresTables([])).toEqual([]);
});
