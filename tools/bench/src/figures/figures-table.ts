import Table from 'cli-table3';
import type { Comparison, JudgedFigure } from './figure.ts';

/** The figures as a table for people. */
export function figuresTable(figures: readonly JudgedFigure[]): string {
  const table = new Table({
    head: [
      'FIGURE',
      'UNIT',
      'LEAST',
      'MEDIAN',
      'P99',
      'N',
      'AGAINST (LEAST, MEDIAN): RATIO OF MEDIANS, 95 %',
      'TARGET',
      'DETAILS',
    ],
    style: { head: [], border: [], compact: true },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right'],
  });
  for (const { name, unit, least, median, p99, samples, ratio, rivals, target, details } of figures) {
    table.push([
      ...[name, unit, number(least), number(median), number(p99), samples],
      Object.entries(rivals)
        .map(([rival, comparison]) => against(rival, comparison, ratio[rival] ?? Number.NaN))
        .join('\n'),
      target === undefined ? '' : `${target.met ? 'met' : 'MISSED'}: ${target.text}`,
      Object.entries(details)
        .map(([what, value]) => `${what}: ${value}`)
        .join('\n'),
    ]);
  }
  return table.toString();
}

function against(rival: string, { least, median, interval }: Comparison, ratio: number): string {
  const [low, high] = interval;
  return `${rival} (${number(least)}, ${number(median)}): ${number(ratio)}, ${number(low)}–${number(high)}`;
}

/** Three digits that count. */
function number(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
