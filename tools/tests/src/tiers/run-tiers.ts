import { noTests } from '../counts/test-counts.ts';
import type { Tier, TierOutcome } from './tier.ts';

/** A tier that ran, or could not. */
export interface TierResult extends TierOutcome {
  readonly tier: string;
  readonly durationMs: number;
}

/**
 * Runs tiers one after another; tiers without tests are left out. A tier that cannot run here counts its tests as skipped.
 *
 * @param filters parts of paths, see {@link Tier.tests}
 * @param print told what is going on
 */
export async function runTiers(
  tiers: readonly Tier[],
  filters: readonly string[],
  print: (text: string) => void = console.log,
): Promise<readonly TierResult[]> {
  const results: TierResult[] = [];
  for (const tier of tiers) {
    const tests = tier.tests(filters);
    if (tests.length === 0) continue;
    print(`\n── ${tier.name} (needs ${tier.needs})`);
    const start = performance.now();
    const outcome = await outcomeOfTier(tier, tests);
    if (outcome.note !== undefined) print(`${tier.name}: ${outcome.note}`);
    results.push({ tier: tier.name, durationMs: performance.now() - start, ...outcome });
  }
  return results;
}

async function outcomeOfTier(tier: Tier, tests: readonly string[]): Promise<TierOutcome> {
  const obstacle = await tier.obstacle();
  if (obstacle !== undefined) {
    return { counts: { ...noTests, skipped: await tier.size(tests) }, note: `cannot run: ${obstacle}` };
  }
  return tier.run(tests);
}
