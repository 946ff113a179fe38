import { describeError } from '@patchbay/core';
import { openAttachments } from './open-attachments.ts';
import { inWords } from './repair-in-words.ts';

/** How long repairing may take, in milliseconds. */
const patienceMs = 120_000;

/**
 * `patchbay repair`: compares journal and kernel, and brings them together, as the driver does by itself. Beside a running driver the two keep
 * out of each other's way. The runtime is not asked: pods that run without a claim are the driver's to find.
 */
export async function repair(options: { readonly config: string; readonly dryRun?: boolean }): Promise<void> {
  const signal = AbortSignal.timeout(patienceMs);
  const dryRun = options.dryRun ?? false;
  using opened = openAttachments(options.config);
  if (dryRun) {
    const plan = (await opened?.repair.repairer.plan(signal)) ?? [];
    for (const action of plan) console.log(`would ${inWords(action)}`);
    if (plan.length === 0) console.log('There is nothing to repair.');
    return;
  }
  const outcomes = (await opened?.repair.repairer.repair('command', signal)) ?? [];
  for (const { action, error } of outcomes) {
    if (error === undefined) console.log(`done: ${inWords(action)}`);
    else console.error(`patchbay: cannot ${inWords(action)}: ${describeError(error)}`);
  }
  if (outcomes.length === 0) console.log('There was nothing to repair.');
  if (outcomes.some(({ error }) => error !== undefined)) process.exitCode = 1;
}
