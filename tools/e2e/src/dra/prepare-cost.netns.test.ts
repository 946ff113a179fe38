/** What preparing a claim costs, by the driver's clock, beyond the one call of the API server that it takes. */
import { waitUntil } from '@patchbay/lab';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reportFigures } from '../report-figures.ts';
import { RuntimelessNode, type TestClaim } from './runtimeless-node.ts';

const rounds = 50;
/** Milliseconds that preparing may take beyond reading the claim. */
const budgetMs = 5;

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

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

describe('prepare, beyond reading the claim', () => {
  it.for(['blue', 'uplink0', 'nic0'])('a claim for %s adds less than 5 ms', async (device, context) => {
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
      'new, median': `${median(added).toFixed(2)} ms`,
      'prepared before, median': `${median(again).toFixed(2)} ms`,
    });
    expect(median(added)).toBeLessThan(budgetMs);
    expect(median(again)).toBeLessThan(budgetMs);
  });
});
