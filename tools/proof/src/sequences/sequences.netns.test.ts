/** No device is lost whatever happens in whatever order, as far as chance finds it. */
import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { failureText, runSequences } from './run-sequences.ts';

const sequences = 1000;

describe('random sequences of commands', () => {
  it(`${sequences} of them leave each device in one place at any time, and the host as it was`, async ({
    task,
  }) => {
    const seeds = Array.from({ length: availableParallelism() }, () =>
      Math.floor(Math.random() * 0x7fff_ffff),
    );
    const results = await runSequences(sequences, seeds);
    task.meta.figures = {
      seeds: seeds.join(', '),
      sequences: String(results.reduce((sum, { runs }) => sum + runs, 0)),
      commands: String(results.reduce((sum, { commands }) => sum + commands, 0)),
      'deaths of the driver': String(results.reduce((sum, { deaths }) => sum + deaths, 0)),
      time: `${(Math.max(...results.map(({ milliseconds }) => milliseconds)) / 1000).toFixed(0)} s`,
    };
    expect(results.map(failureText).join('\n').trim()).toBe('');
    expect(results.reduce((sum, { runs }) => sum + runs, 0)).toBeGreaterThanOrEqual(sequences);
  }, 500_000);
});
