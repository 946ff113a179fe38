/**
 * Makes the fault matrix, or a part of it; see docs/proof.md.
 *
 *     bash tools/run.sh tools/proof/src/fault-matrix/main.ts [--subject hostdev] [--operation attach] [--effect 12] [--when before]
 */
import { availableParallelism } from 'node:os';
import { makeFaultMatrix } from './make-fault-matrix.ts';
import { failureText } from './fault-matrix.ts';

const parameters = process.argv.slice(2);
const jobs = parameters.length > 2 ? 1 : availableParallelism();
let kills = 0;
let failures = 0;
await makeFaultMatrix(parameters, jobs, (row) => {
  kills += row.kills;
  failures += row.failures.length;
  const { subject, operation, effects, absent, milliseconds } = row;
  console.log(
    `${subject}, ${operation}: ${effects.length} side effects, ${row.kills} kills, ${row.failures.length} failures${absent > 0 ? `, ${absent} side effects that did not come again` : ''}, ${(milliseconds / 1000).toFixed(1)} s`,
  );
  if (parameters.length > 0)
    for (const [index, effect] of effects.entries()) console.log(`  ${index} ${effect}`);
  for (const failure of row.failures) console.log(failureText(row, failure));
});
console.log(`${kills} kills, ${failures} failures`);
process.exitCode = failures > 0 ? 1 : 0;
