import { describe, expect, test } from 'vitest';
import { parseSum } from '../counts/test-counts.ts';
import { runTiers } from './run-tiers.ts';
import { summarize } from './summary.ts';
import type { Tier, TierOutcome } from './tier.ts';

interface Behaviour {
  readonly tests?: string[];
  readonly obstacle?: string;
  readonly outcome?: TierOutcome;
  readonly besideOthers?: boolean;
  readonly until?: Promise<void>;
}

function tier(name: string, behaviour: Behaviour): Tier {
  return {
    name,
    needs: 'nothing',
    tests: () => behaviour.tests ?? ['a.test.ts'],
    obstacle: () => Promise.resolve(behaviour.obstacle),
    size: () => Promise.resolve(7),
    besideOthers: behaviour.besideOthers ?? false,
    run: async (_tests, show) => {
      show(`${name} begins, `);
      await behaviour.until;
      show(`${name} ends\n`);
      return behaviour.outcome ?? { counts: { passed: 3, failed: 0, skipped: 0 } };
    },
  };
}

async function run(tiers: readonly Tier[], maySkip: readonly string[] = [], everyCheck = false) {
  const printed: string[] = [];
  const results = await runTiers(tiers, [], (text) => printed.push(text));
  return { printed: printed.join(''), ...summarize(results, new Set(maySkip), everyCheck) };
}

describe('a run over tiers', () => {
  test('is good when all tests pass, and ends with the sum', async () => {
    const { text, good, printed } = await run([tier('unit', {}), tier('netns', {})]);
    expect(parseSum(text)).toEqual({ passed: 6, failed: 0, skipped: 0 });
    expect(good).toBe(true);
    expect(printed).toContain('unit (needs nothing)');
  });

  test('is bad when a test fails', async () => {
    const { text, good } = await run([
      tier('unit', { outcome: { counts: { passed: 1, failed: 2, skipped: 0 } } }),
    ]);
    expect(parseSum(text)).toEqual({ passed: 1, failed: 2, skipped: 0 });
    expect(good).toBe(false);
  });

  test('counts the tests of a tier that cannot run as skipped, says why, and is bad', async () => {
    const { text, good, printed } = await run([tier('unit', {}), tier('netns', { obstacle: 'needs root' })]);
    expect(parseSum(text)).toEqual({ passed: 3, failed: 0, skipped: 7 });
    expect(printed).toContain('netns: cannot run: needs root');
    expect(text).toContain('netns: cannot run: needs root');
    expect(text).toContain('Tests were skipped in netns.');
    expect(good).toBe(false);
  });

  test('is good with skips that are expected, and with no others', async () => {
    const skipped = { counts: { passed: 3, failed: 0, skipped: 1 } };
    const tiers = [tier('netns', { obstacle: 'needs root' }), tier('vm', { outcome: skipped })];
    expect((await run(tiers, ['netns', 'vm'])).good).toBe(true);
    expect((await run(tiers, ['netns'])).good).toBe(false);
  });

  test('lists the numbered checks that were tested, and is bad when one is missing and all were wanted', async () => {
    const test = (check: number) =>
      ({ check, behaviour: `behaviour ${check}`, state: 'passed', file: 'a.test.ts' }) as const;
    const all = Array.from({ length: 49 }, (_, index) => test(index + 1));
    const outcome = (conformance: typeof all) => ({
      outcome: { counts: { passed: conformance.length, failed: 0, skipped: 0 }, conformance },
    });
    const complete = await run(
      [tier('unit', outcome(all.slice(0, 40))), tier('vm', outcome(all.slice(30)))],
      [],
      true,
    );
    expect(complete.good).toBe(true);
    expect(complete.text).toMatch(/│ +49 │ behaviour 49 │ passed │ a\.test\.ts │/);
    const incomplete = [tier('unit', outcome(all.filter(({ check }) => check !== 5 && check !== 29)))];
    const { good, text } = await run(incomplete, [], true);
    expect(good).toBe(false);
    expect(text).toContain('No test of check 5, 29 ran');
    expect((await run(incomplete)).good).toBe(true);
  });

  test('runs a tier that may be beside others while these run, and shows what it had to say together', async () => {
    let end = () => {};
    const until = new Promise<void>((resolve) => (end = resolve));
    const last = tier('netns', {});
    const { text, printed } = await run([
      tier('vm', { besideOthers: true, until }),
      tier('unit', {}),
      {
        ...last,
        run: (tests, show) => {
          end();
          return last.run(tests, show);
        },
      },
    ]);
    expect(printed).toMatch(/unit begins, unit ends\n[^]*netns begins, netns ends\n[^]*vm begins, vm ends\n/);
    expect(text).toMatch(/vm [^]*unit [^]*netns /);
  });

  test('leaves out tiers without tests', async () => {
    const { text } = await run([tier('unit', {}), tier('vm', { tests: [] })]);
    expect(text).not.toContain('vm');
  });
});
