import { describe, expect, test } from 'vitest';
import { retry } from './retry.ts';
import { WaitTimeoutError, pause, waitUntil } from './wait-until.ts';

describe('retry', () => {
  test('repeats with pauses that double up to the longest', async () => {
    const times: number[] = [];
    const start = performance.now();
    const result = await retry(
      (attempt) => {
        times.push(performance.now());
        return attempt < 8 ? Promise.reject(new Error('not yet')) : Promise.resolve(attempt);
      },
      { firstMs: 10, longestMs: 40, signal: new AbortController().signal, onFailure: () => undefined },
    );
    expect(result).toBe(8);
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    for (const [index, least] of [10, 20, 40, 40, 40, 40, 40].entries())
      expect(pauses[index]).toBeGreaterThanOrEqual(least - 2);
    // 230 ms, where doubling without an end would take 1270.
    expect(performance.now() - start).toBeLessThan(1200);
  });

  test('ends with the last failure when the signal comes in a pause', async () => {
    const controller = new AbortController();
    setTimeout(() => {
      controller.abort();
    }, 20);
    const options = {
      firstMs: 60_000,
      longestMs: 60_000,
      signal: controller.signal,
      onFailure: () => undefined,
    };
    await expect(retry(() => Promise.reject(new Error('no disk')), options)).rejects.toThrow('no disk');
  });

  test('ends with what the failure handler throws', async () => {
    const options = {
      firstMs: 1,
      longestMs: 1,
      signal: new AbortController().signal,
      onFailure: (error: unknown, attempt: number) => {
        if (attempt === 3) throw new Error(`gave up: ${String(error)}`);
      },
    };
    await expect(retry(() => Promise.reject(new Error('no disk')), options)).rejects.toThrow(
      'gave up: Error: no disk',
    );
  });
});

describe('waitUntil', () => {
  test('returns the first answer that is neither undefined nor false, zero and empty text included', async () => {
    const answers = [undefined, false, 0] as const;
    let asked = 0;
    expect(
      await waitUntil<number>('a number', () => answers[asked++], { timeoutMs: 1000, intervalMs: 1 }),
    ).toBe(0);
  });

  test('says what did not come, as it is when the time is up', async () => {
    let seen = 0;
    const waiting = waitUntil(
      () => `ten (seen ${String(seen)})`,
      () => ++seen > 10_000,
      { timeoutMs: 20 },
    );
    await expect(waiting).rejects.toThrow(WaitTimeoutError);
    await expect(waiting).rejects.toThrow(/^ten \(seen \d+\): not within 20 ms$/);
  });
});

describe('pause', () => {
  test('ends early with the signal and leaves no listener on it', async () => {
    const controller = new AbortController();
    const start = performance.now();
    const ended = pause(60_000, controller.signal);
    controller.abort();
    await ended;
    await pause(60_000, controller.signal);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
