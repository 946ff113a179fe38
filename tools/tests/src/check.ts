/** `npm run check [-- NAME…]`: what must hold for the sources as they stand. */
import { allChecks } from './checks/all-checks.ts';
import { runChecks } from './checks/run-checks.ts';
import { sumLine } from './counts/test-counts.ts';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !allChecks.some((check) => check.name === name));
if (unknown.length > 0) {
  const known = allChecks.map((check) => `'${check.name}'`).join(', ');
  console.error(`no check is called ${unknown.join(', ')}; there are ${known}`);
  process.exit(2);
}
const counts = await runChecks(allChecks.filter((check) => names.length === 0 || names.includes(check.name)));
console.log(sumLine(counts));
process.exitCode = counts.failed === 0 ? 0 : 1;
