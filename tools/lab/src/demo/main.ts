/**
 * `npm run demo`: the main job from end to end on a real container runtime, in namespaces of its own that leave nothing behind.
 */
import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { buildDriver } from '@patchbay/bundle';
import { fetchContainerd } from '../containerd/fetch-containerd.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { runInLab } from '../containerd/run-in-lab.ts';
import { demoVariable, difference, machineState } from './machine-state.ts';

const [unknown] = process.argv.slice(2);
if (unknown !== undefined) {
  console.error(`patchbay demo: '${unknown}' is too much: the demo takes no parameters`);
  process.exit(2);
}

try {
  console.log('Patchbay demo: two pods on each of three backends, on a real containerd.');
  await buildDriver();
  const tools = await fetchContainerd('2', { onProgress: (message) => console.log(message) });
  const mark = randomUUID();
  const before = machineState(mark);
  const inside = resolve(import.meta.dirname, 'inside.ts');
  const code = await runInLab([process.execPath, ...process.execArgv, inside], {
    tools,
    env: { [demoVariable]: mark },
  });
  const left = difference(before, machineState(mark));
  for (const what of left) console.error(`left behind: ${what}`);
  process.exitCode = code === 0 && left.length > 0 ? 1 : code;
} catch (error) {
  console.error(error instanceof LabUnavailableError ? `patchbay demo: ${error.message}` : error);
  process.exitCode = 1;
}
