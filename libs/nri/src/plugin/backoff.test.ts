import { describe, expect, it } from 'vitest';
import { Backoff, pause } from './backoff.ts';

describe('Backoff', () => {
  it('doubles up to the maximum, each delay between a half and the whole of it', () => {
    const backoff = new Backoff({ initialMs: 100, maximumMs: 400 });
    for (const ceiling of [100, 200, 400, 400, 400]) {
      const delay = backoff.next();
      expect(delay).toBeGreaterThanOrEqual(ceiling / 2);
      expect(delay).toBeLessThanOrEqual(ceiling);
    }
    expect(backoff.failures).toBe(5);
  });

  it('stays at the maximum after a thousand failures', () => {
    const backoff = new Backoff({ initialMs: 100, maximumMs: 400 });
    for (let i = 0; i < 1100; i++) backoff.next();
    expect(backoff.next()).toBeLessThanOrEqual(400);
  });

  it('begins again after a reset', () => {
    const backoff = new Backoff({ initialMs: 100, maximumMs: 400 });
    backoff.next();
    backoff.next();
    backoff.reset();
    expect(backoff.next()).toBeLessThanOrEqual(100);
  });
});

describe('pause', () => {
  it('ends early and without an error when it is aborted', async () => {
    const controller = new AbortController();
    const paused = pause(60_000, controller.signal);
    controller.abort();
    await expect(paused).resolves.toBeUndefined();
  });
});
