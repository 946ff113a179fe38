import Table from 'cli-table3';
import { conformanceTable, missingChecks } from '../conformance/conformance-table.ts';
import { sumCounts, sumLine } from '../counts/test-counts.ts';
import { figuresTables } from '../figures/figures-tables.ts';
import type { TierResult } from './run-tiers.ts';

/** What is printed after the last tier, and whether the run is good. */
export interface Summary {
  readonly text: string;
  readonly good: boolean;
}

/**
 * Sums tiers up: the numbered checks, what tests have measured, a table of the tiers, what did not run and why, and the sum as the last line.
 *
 * @param maySkip names of the tiers whose skipped tests are expected
 * @param everyCheck whether each numbered check must have been tested
 */
export function summarize(
  results: readonly TierResult[],
  maySkip: ReadonlySet<string>,
  everyCheck: boolean,
): Summary {
  const table = new Table({
    head: ['tier', 'passed', 'failed', 'skipped', 'time'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [], compact: true },
  });
  for (const { tier, counts, began, ended } of results) {
    table.push([tier, counts.passed, counts.failed, counts.skipped, seconds(ended - began)]);
  }
  const total = sumCounts(results.map((result) => result.counts));
  const time =
    Math.max(...results.map(({ ended }) => ended)) - Math.min(...results.map(({ began }) => began));
  table.push(['all', total.passed, total.failed, total.skipped, seconds(time)]);
  const notes = results.filter((result) => result.note !== undefined);
  const unexpected = results.filter((result) => result.counts.skipped > 0 && !maySkip.has(result.tier));
  const names = unexpected.map((result) => result.tier);
  const conformance = results.flatMap((result) => result.conformance ?? []);
  const missing = everyCheck ? missingChecks(conformance) : [];
  const text = [
    ...(conformance.length === 0 ? [] : [conformanceTable(conformance)]),
    ...results.flatMap(({ tier, measured = [] }) =>
      figuresTables(measured.map((test) => ({ ...test, suite: `${test.suite} (${tier})` }))),
    ),
    table.toString(),
    ...notes.map((result) => `${result.tier}: ${result.note}`),
    ...(names.length === 0
      ? []
      : [
          `Tests were skipped in ${names.join(', ')}. That fails the run, because nobody would notice it otherwise;`,
          `where a tier cannot run: npm test -- --allow-skips TIER`,
        ]),
    ...(missing.length === 0
      ? []
      : [
          `No test of check ${missing.join(', ')} ran (its title begins with 'check NN: '). That fails the run.`,
        ]),
    sumLine(total),
  ];
  return {
    text: text.join('\n'),
    good: total.failed === 0 && unexpected.length === 0 && missing.length === 0,
  };
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
