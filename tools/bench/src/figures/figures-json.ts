import type { JudgedFigure } from './figure.ts';

/** What is known of the machine and the programs of a run. */
export type Surroundings = Readonly<Record<string, string>>;

/** The figures for programs: `{"figures": [{"name", "unit", "median", "p99", "ratio", …}], …}`. */
export function figuresJson(figures: readonly JudgedFigure[], surroundings: Surroundings): string {
  return `${JSON.stringify({ figures, surroundings }, null, 2)}\n`;
}
