import Table from 'cli-table3';
import { comparisonText, figureNumber } from './figure-text.ts';
import type { JudgedFigure } from './figure.ts';

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
  for (const figure of figures) {
    const { name, unit, least, median, p99, samples, rivals, targets, details } = figure;
    table.push([
      ...[name, unit, ...[least, median, p99].map(figureNumber), samples],
      Object.keys(rivals)
        .map((rival) => comparisonText(figure, rival))
        .join('\n'),
      targets.map(({ met, text }) => `${met ? 'met' : 'MISSED'}: ${text}`).join('\n'),
      Object.entries(details)
        .map(([what, value]) => `${what}: ${value}`)
        .join('\n'),
    ]);
  }
  return table.toString();
}
