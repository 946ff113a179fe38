/** What preparing a claim costs, by the driver's clock, beyond the one call of the API server that it takes. */
import { waitUntil } from '@patchbay/lab';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportFigures } from '../report-figures.ts';
import { RuntimelessNode, type TestClaim } from './runtimeless-node.ts';

const rounds = 50;
/** Milliseconds that preparing may take beyond reading the claim. Of a link of the host the snapshot is taken: 130 settings are read for it. */
const budgets = [
  { device: 'blue', budgetMs: 5 },
  { device: 'uplink0', budgetMs: 5 },
  { device: 'nic0', budgetMs: 8 },
];

let node: RuntimelessNode;
beforeAll(async () => {
  node = await RuntimelessNode.start({ cards: 1 });
}, 60_000);
afterAll(() => node.stop());

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** How long the driver was with the claim when it prepared it for the `time`-th time, in milliseconds. It logs that after its answer. */
async function durationOf({ reference: { uid } }: TestClaim, time: number): Promise<number> {
  const pattern = new RegExp(`"claimUID":"${uid}".*"method":"prepare","durationMs":([\\d.]+)`, 'g');
  const found = () => [...node.driver.log.matchAll(pattern)][time - 1]?.[1];
  return Number(
    await waitUntil(`preparation ${time} of claim ${uid} in the log`, found, { timeoutMs: 2000 }),
  );
}

/** What a share of the values is below of. */
function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN;
}

/** The quickest quarter tells what preparing costs; the others also what else the machine had to do. */
const quarter = 0.25;

describe('prepare, beyond reading the claim', () => {
  it.for(budgets)(
    'a claim for $device adds less than $budgetMs ms',
    async ({ device, budgetMs }, context) => {
      const added: number[] = [];
      const again: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const claim = await node.allocateDevice(`${device}-${round}`, device);
        // In pairs, because the machine's speed drifts.
        for (const [index, figures] of [added, again].entries()) {
          const reading = await milliseconds(() => node.readClaim(claim));
          expect(await node.prepare(claim)).toBe('');
          figures.push((await durationOf(claim, index + 1)) - reading);
        }
        expect(await node.unprepare(claim)).toBe('');
        await node.release(claim);
      }
      reportFigures(context, {
        'new, quarter and median': `${quantile(added, quarter).toFixed(2)}, ${quantile(added, 0.5).toFixed(2)} ms`,
        'prepared before': `${quantile(again, quarter).toFixed(2)}, ${quantile(again, 0.5).toFixed(2)} ms`,
      });
      expect(quantile(added, quarter)).toBeLessThan(budgetMs);
      expect(quantile(again, quarter)).toBeLessThan(budgetMs);
    },
  );
});
