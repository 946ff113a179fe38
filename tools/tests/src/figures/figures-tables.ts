import Table from 'cli-table3';
import type { MeasuredTest } from './measured-test.ts';

/** A table for each suite that has measured something: a row for each test, a column for each figure. */
export function figuresTables(tests: readonly MeasuredTest[]): readonly string[] {
  const suites = new Map<string, MeasuredTest[]>();
  for (const test of tests) suites.set(test.suite, [...(suites.get(test.suite) ?? []), test]);
  return [...suites].map(([suite, measured]) => {
    const names = [...new Set(measured.flatMap(({ figures }) => Object.keys(figures)))];
    const table = new Table({ head: [suite, ...names], style: { head: [], border: [], compact: true } });
    for (const { title, figures } of measured)
      table.push([title, ...names.map((name) => figures[name] ?? '')]);
    return table.toString();
  });
}
