import { noTests } from '../counts/test-counts.ts';
import type { Tier, TierOutcome } from './tier.ts';

/** A tier that ran, or could not. */
export interface TierResult extends TierOutcome {
  readonly tier: string;
  /** Milliseconds of the same clock. */
  readonly began: number;
  readonly ended: number;
}

/**
 * Runs tiers one after another, and those that may run beside the others while these run; tiers without tests are left out. A tier that
 * cannot run here counts its tests as skipped. What a tier shows stays together: of those beside others it is shown when they have ended.
 *
 * @param filters parts of paths, see {@link Tier.tests}
 * @param show told what is going on, in pieces of text
 * @returns the results in the order of the tiers
 */
export async function runTiers(
  tiers: readonly Tier[],
  filters: readonly string[],
  show: (text: string) => void = (text) => process.stdout.write(text),
): Promise<readonly TierResult[]> {
  const asked = tiers.filter((tier) => tier.tests(filters).length > 0);
  const results = new Map<Tier, TierResult>();
  let texts = Promise.resolve('');
  for (const tier of asked.filter(({ besideOthers }) => besideOthers)) {
    texts = texts.then(async (earlier) => {
      const pieces = [earlier];
      results.set(tier, await runTier(tier, filters, (text) => pieces.push(text)));
      return pieces.join('');
    });
  }
  for (const tier of asked.filter(({ besideOthers }) => !besideOthers)) {
    results.set(tier, await runTier(tier, filters, show));
  }
  show(await texts);
  return asked.flatMap((tier) => results.get(tier) ?? []);
}

async function runTier(
  tier: Tier,
  filters: readonly string[],
  show: (text: string) => void,
): Promise<TierResult> {
  show(`\n── ${tier.name} (needs ${tier.needs})\n`);
  const began = performance.now();
  const outcome = await outcomeOfTier(tier, tier.tests(filters), show);
  if (outcome.note !== undefined) show(`${tier.name}: ${outcome.note}\n`);
  return { tier: tier.name, began, ended: performance.now(), ...outcome };
}

async function outcomeOfTier(
  tier: Tier,
  tests: readonly string[],
  show: (text: string) => void,
): Promise<TierOutcome> {
  const obstacle = await tier.obstacle(show);
  if (obstacle !== undefined) {
    return { counts: { ...noTests, skipped: await tier.size(tests) }, note: `cannot run: ${obstacle}` };
  }
  return tier.run(tests, show);
}
