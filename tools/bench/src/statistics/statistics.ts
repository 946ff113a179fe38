/** The smallest value that is not less than a part of the values (nearest rank); NaN when there are none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** The middle value, or the mean of the two in the middle; NaN when there are none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** How many times the values are drawn anew for an interval. */
const resamplings = 2000;

/**
 * Between which bounds the ratio of two medians lies with 95 % confidence, by the percentile bootstrap. The same values always give the same
 * interval.
 */
export function ratioInterval(
  values: readonly number[],
  reference: readonly number[],
): readonly [number, number] {
  const random = generator(values.length * 31 + reference.length);
  const draw = (from: readonly number[]) =>
    from.map(() => from[Math.floor(random() * from.length)] ?? Number.NaN);
  const ratios = Array.from({ length: resamplings }, () => median(draw(values)) / median(draw(reference)));
  return [quantile(ratios, 0.025), quantile(ratios, 0.975)];
}

/** Mulberry32: small, and even enough for drawing lots. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
