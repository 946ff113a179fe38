/**
 * Runs random sequences of commands on nodes; see docs/proof.md.
 *
 *     bash tools/run.sh tools/proof/src/sequences/main.ts [--runs 1000] [--seed 7] [--path 3:1 --replay-path AAA:B]
 */
import { parseArgs } from 'node:util';
import { failureText, runSequences } from './run-sequences.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    'replay-path': { type: 'string' },
  },
});
const seeds = values.seed === undefined ? [randomSeed(), randomSeed()] : [Number(values.seed)];
const replay = [
  ...(values.path === undefined ? [] : ['--path', values.path]),
  ...(values['replay-path'] === undefined ? [] : ['--replay-path', values['replay-path']]),
];
for (const result of await runSequences(Number(values.runs), seeds, replay)) {
  const { seed, runs, commands, deaths, milliseconds } = result;
  const seconds = (milliseconds / 1000).toFixed(1);
  console.log(`seed ${seed}: ${runs} sequences, ${commands} commands, ${deaths} deaths, ${seconds} s`);
  const text = failureText(result);
  if (text === '') continue;
  console.log(text);
  process.exitCode = 1;
}

function randomSeed(): number {
  return Math.floor(Math.random() * 0x7fff_ffff);
}
