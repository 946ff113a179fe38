import type { Figure } from './figure.ts';

/** A number with the three digits that count. */
export function figureNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** What a figure is compared with, in words: `c (0.77, 0.81): 1.2, 1.1–1.3`. */
export function comparisonText({ ratio, rivals }: Figure, rival: string): string {
  const { least = NaN, median = NaN, interval = [NaN, NaN] } = rivals[rival] ?? {};
  const [low, high] = interval;
  return `${rival} (${figureNumber(least)}, ${figureNumber(median)}): ${figureNumber(ratio[rival] ?? NaN)}, ${figureNumber(low)}–${figureNumber(high)}`;
}
