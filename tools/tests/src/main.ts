/** `npm test [-- TIER… PATH…]`: runs the test tiers; the last line of the output is the sum. */
import { constants } from 'node:os';
import { selectsEveryCheck } from './conformance/conformance-table.ts';
import { sumLine, noTests } from './counts/test-counts.ts';
import { allTiers } from './tiers/all-tiers.ts';
import { runTiers } from './tiers/run-tiers.ts';
import { selectTests, UsageError } from './tiers/selection.ts';
import type { Selection } from './tiers/selection.ts';
import { summarize } from './tiers/summary.ts';

// Programs that were started end with this process, and that needs an orderly exit.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
}

try {
  const selection = selectTests(process.argv.slice(2), allTiers);
  await (selection.list ? list(selection) : run(selection));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

async function list({ tiers, filters }: Selection): Promise<void> {
  for (const tier of tiers) {
    const count = tier.tests(filters).length;
    console.log(
      `${tier.name.padEnd(15)} ${String(count).padStart(4)} ${tier.name === 'check' ? 'checks' : 'files'}`,
    );
    console.log(`    needs ${tier.needs}`);
    const obstacle = count === 0 ? undefined : await tier.obstacle((text) => process.stdout.write(text));
    if (obstacle !== undefined) console.log(`    cannot run: ${obstacle}`);
  }
}

async function run(selection: Selection): Promise<void> {
  const { tiers, filters, maySkip } = selection;
  const results = await runTiers(tiers, filters);
  if (results.length === 0) {
    console.log(`There are no tests here.\n${sumLine(noTests)}`);
    return;
  }
  const { text, good } = summarize(results, maySkip, selectsEveryCheck(selection));
  console.log(`\n${text}`);
  process.exitCode = good ? 0 : 1;
}
