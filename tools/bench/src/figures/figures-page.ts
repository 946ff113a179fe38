import { comparisonText, figureNumber } from './figure-text.ts';
import type { JudgedFigure } from './figure.ts';
import type { Surroundings } from './figures-json.ts';

/** The figures as a page of the documentation, in Markdown as the repository formats it. */
export function figuresPage(figures: readonly JudgedFigure[], surroundings: Surroundings): string {
  const rows = figures.map((figure) => [
    `\`${figure.name}\``,
    figure.unit,
    ...[figure.least, figure.median, figure.p99].map(figureNumber),
    String(figure.samples),
    Object.keys(figure.rivals)
      .map((rival) => comparisonText(figure, rival))
      .join('<br>'),
    figure.targets.map(({ met, text }) => `${met ? 'met' : 'missed'}: ${text}`).join('<br>'),
    Object.entries(figure.details)
      .map(([what, value]) => `${what}: ${value}`)
      .join('<br>'),
  ]);
  const head = [
    ...['figure', 'unit', 'least', 'median', 'p99', 'samples'],
    ...['against (least, median): ratio of medians, 95 %', 'target', 'details'],
  ];
  return [
    '# Figures of one run',
    'Written by `npm run bench -- --page FILE`; what they mean is told in [benchmarks](benchmarks.md).',
    markdownTable(
      ['', ''],
      Object.entries(surroundings).map(([what, value]) => [what, value]),
    ),
    markdownTable(head, rows),
  ]
    .map((part) => `${part}\n`)
    .join('\n');
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) =>
    Math.max(3, ...[head, ...rows].map((row) => (row[column] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? '').padEnd(width)).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
