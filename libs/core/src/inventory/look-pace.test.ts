import { describe, expect, it } from 'vitest';
import { LookPace } from './look-pace.ts';

/** How often one looks within a second in which changes never end, and what all looks cost, in milliseconds. */
function flood(
  costMs: number,
  changedMeanwhile: boolean,
): { readonly looks: number; readonly totalMs: number } {
  const pace = new LookPace();
  let looks = 0;
  for (let now = 0; now < 1000; looks++) {
    now += pace.delay(now) + costMs;
    pace.looked(costMs, now, changedMeanwhile);
  }
  return { looks, totalMs: looks * costMs };
}

describe('LookPace', () => {
  it('gathers changes for a moment when it is quiet', () => {
    const pace = new LookPace({ debounceMs: 10 });
    expect(pace.delay(0)).toBe(10);
    pace.looked(2, 12, false);
    expect(pace.delay(1000)).toBe(10);
  });

  it.each([0.2, 1, 3, 10, 20])(
    'spends at most a tenth of the time on looks of %d ms while changes never end',
    (costMs) => {
      for (const changedMeanwhile of [true, false]) {
        const { looks, totalMs } = flood(costMs, changedMeanwhile);
        expect(totalMs).toBeLessThanOrEqual(100);
        // Seldom enough, and often enough to be up to date.
        expect(looks).toBeGreaterThanOrEqual(4);
      }
    },
  );

  it('looks some ten times a second while things change faster than it can look, however little that costs', () => {
    expect(flood(0.1, true).looks).toBeLessThan(12);
    expect(flood(0.1, false).looks).toBeGreaterThan(50);
  });

  it('looks soon again after a flood', () => {
    const pace = new LookPace();
    for (let look = 0; look < 20; look++) pace.looked(1, look, true);
    expect(pace.delay(19)).toBe(250);
    pace.looked(1, 300, false);
    expect(pace.delay(320)).toBe(10);
  });

  it('looks at least four times a second however costly that is', () => {
    const pace = new LookPace();
    pace.looked(500, 0, false);
    expect(pace.delay(0)).toBe(250);
  });
});
