import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ClaimLocks } from './claim-locks.ts';
import { InstanceTurn } from './instance-turn.ts';
import type { StateLocks } from './state-locks.ts';

/** The locks of one state directory, as several instances see them. */
function sharedLocks(): () => StateLocks {
  const holders = new Map<string, object>();
  return () => {
    const instance = {};
    return {
      exclusively: (work) => work(),
      tryLock: (name) => {
        const holder = holders.get(name) ?? instance;
        holders.set(name, holder);
        return holder === instance;
      },
      unlock: (name) => void (holders.get(name) === instance && holders.delete(name)),
    };
  };
}

describe('ClaimLocks', () => {
  it('begins at once when nobody else works on the claim', () => {
    const claims = new ClaimLocks(sharedLocks()());
    let begun = false;
    void claims.run('a', async () => {
      begun = true;
    });
    expect(begun).toBe(true);
  });

  it('lets instances work on one claim one after the other and on different claims side by side', async () => {
    const instance = sharedLocks();
    const [first, second] = [new ClaimLocks(instance()), new ClaimLocks(instance())];
    const log: string[] = [];
    const work = (name: string, ms: number) => async () => {
      log.push(`${name} begins`);
      await sleep(ms);
      log.push(`${name} ends`);
    };
    await Promise.all([
      first.run('a', work('1a', 30)),
      second.run('a', work('2a', 1)),
      second.run('b', work('2b', 5)),
    ]);
    expect(log).toEqual(['1a begins', '2b begins', '2b ends', '1a ends', '2a begins', '2a ends']);
  });

  it('gives a claim up when the work on it fails', async () => {
    const instance = sharedLocks();
    await expect(new ClaimLocks(instance()).run('a', () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    await expect(new ClaimLocks(instance()).run('a', async () => 'yes')).resolves.toBe('yes');
  });
});

describe('InstanceTurn', () => {
  it('lets the work of one instance overlap, never that of two, and brings each up to date first', async () => {
    const instance = sharedLocks();
    let working: string[] = [];
    const seen: string[] = [];
    const turnOf = (name: string) => new InstanceTurn(instance(), () => seen.push(`turn ${name}`));
    const turns = { a: turnOf('a'), b: turnOf('b') };
    const overlaps = new Set<string>();
    const work = (name: 'a' | 'b') =>
      turns[name].run(async () => {
        working.push(name);
        overlaps.add([...working].sort().join(''));
        await sleep(10);
        working = working.toSpliced(working.indexOf(name), 1);
      });
    await Promise.all([work('a'), work('a'), work('b'), work('b'), work('b')]);
    expect([...overlaps].sort()).toEqual(['a', 'aa', 'b', 'bb', 'bbb']);
    expect(seen).toEqual(['turn a', 'turn b']);
  });

  it('ends its turn also after work that failed', async () => {
    const instance = sharedLocks();
    const first = new InstanceTurn(instance(), () => {});
    await expect(first.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await expect(new InstanceTurn(instance(), () => {}).run(async () => 'yes')).resolves.toBe('yes');
  });

  it('lets another instance have its turn although there is always work in the first', async () => {
    const instance = sharedLocks();
    const busy = new InstanceTurn(instance(), () => {});
    let going = true;
    const stream = async () => {
      while (going) await busy.run(() => sleep(15));
    };
    const streams = [stream(), sleep(7).then(stream)];
    await sleep(20);
    await new InstanceTurn(instance(), () => {}).run(async () => {});
    going = false;
    await Promise.all(streams);
  });

  it('is waited for no longer than wanted, and comes for those who wait on', async () => {
    const instance = sharedLocks();
    const [first, second] = [new InstanceTurn(instance(), () => {}), new InstanceTurn(instance(), () => {})];
    let release = () => {};
    const working = first.run(() => new Promise<void>((resolve) => (release = resolve)));
    await sleep(1);
    const impatient = second.run(async () => 'never', AbortSignal.timeout(10));
    const patient = second.run(async () => 'in the end');
    await expect(impatient).rejects.toThrow(/timeout/);
    await expect(second.run(async () => {}, AbortSignal.abort(new Error('over')))).rejects.toThrow('over');
    release();
    await expect(patient).resolves.toBe('in the end');
    await working;
    await expect(first.run(async () => 'again')).resolves.toBe('again');
  });

  it('that everybody has given up waiting for leaves nothing taken', async () => {
    const instance = sharedLocks();
    const [first, second] = [new InstanceTurn(instance(), () => {}), new InstanceTurn(instance(), () => {})];
    let release = () => {};
    const working = first.run(() => new Promise<void>((resolve) => (release = resolve)));
    await sleep(1);
    await expect(second.run(async () => {}, AbortSignal.timeout(10))).rejects.toThrow(/timeout/);
    release();
    await working;
    await sleep(20);
    await expect(new InstanceTurn(instance(), () => {}).run(async () => 'free')).resolves.toBe('free');
  });
});
