import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { KeyedMutex } from './keyed-mutex.ts';

describe('KeyedMutex', () => {
  it('runs work for one key in order and for different keys at the same time', async () => {
    const mutex = new KeyedMutex();
    const log: string[] = [];
    const work = (key: string, name: string, ms: number) =>
      mutex.run(key, async () => {
        log.push(`${name} begins`);
        await sleep(ms);
        log.push(`${name} ends`);
      });
    await Promise.all([work('a', 'a1', 30), work('a', 'a2', 1), work('b', 'b1', 5)]);
    expect(log).toEqual(['a1 begins', 'b1 begins', 'b1 ends', 'a1 ends', 'a2 begins', 'a2 ends']);
  });

  it('goes on after work that failed, and passes the error to its own caller only', async () => {
    const mutex = new KeyedMutex();
    const failed = mutex.run('a', () => Promise.reject(new Error('no')));
    const next = mutex.run('a', () => Promise.resolve('yes'));
    await expect(failed).rejects.toThrow('no');
    await expect(next).resolves.toBe('yes');
  });
});
