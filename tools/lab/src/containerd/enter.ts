/**
 * Runs a command inside the lab: `enter.ts [--series 2|1.7] COMMAND…`. Fetches the runtime first when that is needed. The exit code is
 * the command's; 2 for a wrong call, 3 when the lab cannot run here.
 */
import { containerdSeries } from './containerd-tools.ts';
import type { ContainerdSeries } from './containerd-tools.ts';
import { fetchDnsmasq } from '../dhcp/fetch-dnsmasq.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { runInLab } from './run-in-lab.ts';

const parameters = process.argv.slice(2);
let series: ContainerdSeries | undefined = '2';
if (parameters[0] === '--series') {
  series = containerdSeries.find((known) => known === parameters[1]);
  parameters.splice(0, 2);
}
if (series === undefined || parameters.length === 0) {
  console.error(`usage: enter.ts [--series ${containerdSeries.join('|')}] COMMAND [ARG…]`);
  process.exit(2);
}
try {
  // There is no network inside.
  await fetchDnsmasq();
  process.exitCode = await runInLab(parameters, { series });
} catch (error) {
  if (!(error instanceof LabUnavailableError)) throw error;
  console.error(`lab: ${error.message}`);
  process.exitCode = 3;
}
