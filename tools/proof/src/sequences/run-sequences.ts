import { join } from 'node:path';
import { runIsolatedJobs } from '../isolated-jobs.ts';

/** How sequences of commands ended. */
export interface SequencesResult {
  readonly seed: number;
  readonly runs: number;
  /** All commands of all sequences that had their turn. */
  readonly commands: number;
  /** How often the driver died in one of them. */
  readonly deaths: number;
  readonly milliseconds: number;
  /** Present when a sequence did not hold. */
  readonly failure?: {
    readonly path: string;
    /** The shortest sequence that was found, with how it is repeated. */
    readonly sequence: string;
    readonly problem: string;
  };
}

/**
 * Runs random sequences of commands on nodes.
 *
 * @param runs how many sequences in all
 * @param seeds one for each of the processes that share the work
 * @param parameters further ones, as for `main.ts`
 */
export async function runSequences(
  runs: number,
  seeds: readonly number[],
  parameters: readonly string[] = [],
): Promise<readonly SequencesResult[]> {
  const results: SequencesResult[] = [];
  await runIsolatedJobs(
    join(import.meta.dirname, 'inside.ts'),
    seeds.map((seed) => [
      ...['--runs', String(Math.ceil(runs / seeds.length)), '--seed', String(seed)],
      ...parameters,
    ]),
    (line) => results.push(JSON.parse(line) as SequencesResult),
  );
  return results;
}

/** A failure in words, with the command that makes it happen again; empty when there is none. */
export function failureText({ seed, failure }: SequencesResult): string {
  if (failure === undefined) return '';
  const { path, sequence, problem } = failure;
  const replayPath = /replayPath="([^"]*)"/.exec(sequence)?.[1] ?? '';
  return [
    sequence,
    problem,
    `again: bash tools/run.sh tools/proof/src/sequences/main.ts --seed ${seed} --path ${path} --replay-path '${replayPath}'`,
  ].join('\n');
}
