import { median, quantile, ratioInterval } from '../statistics/statistics.ts';
import type { Figure, Summary } from './figure.ts';

/** What a figure is made of. */
export interface FigureSamples {
  readonly name: string;
  readonly unit: string;
  readonly samples: readonly number[];
  /** Samples of the same run, by rival. */
  readonly rivals?: Readonly<Record<string, readonly number[]>>;
  readonly details?: Readonly<Record<string, string>>;
}

/**
 * Sums samples up.
 *
 * @throws RangeError when someone has no samples
 */
export function makeFigure({ name, unit, samples, rivals = {}, details = {} }: FigureSamples): Figure {
  const own = summary(name, samples);
  const compared = Object.entries(rivals).map(([rival, values]) => {
    const theirs = summary(`${rival} in ${name}`, values);
    return { rival, theirs, ratio: own.median / theirs.median, interval: ratioInterval(samples, values) };
  });
  return {
    ...{ name, unit, ...own, details },
    ratio: Object.fromEntries(compared.map(({ rival, ratio }) => [rival, ratio])),
    rivals: Object.fromEntries(
      compared.map(({ rival, theirs, interval }) => [rival, { ...theirs, interval }]),
    ),
  };
}

function summary(whose: string, values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError(`${whose} has no samples`);
  return {
    median: median(values),
    p99: quantile(values, 0.99),
    least: Math.min(...values),
    samples: values.length,
  };
}
