/**
 * `npm run demo`: the main job from end to end on a real container runtime, in namespaces of its own that leave nothing behind.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { buildDriver } from '@patchbay/bundle';
import { fetchContainerd } from '../containerd/fetch-containerd.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { runInLab } from '../containerd/run-in-lab.ts';

try {
  console.log('Patchbay demo: two pods on each of three backends, on a real containerd.');
  await buildDriver();
  const tools = await fetchContainerd('2', { onProgress: (message) => console.log(message) });
  const before = machineState();
  const inside = resolve(import.meta.dirname, 'inside.ts');
  const code = await runInLab([process.execPath, ...process.execArgv, inside], { tools });
  const left = difference(before, machineState());
  for (const what of left) console.error(`left behind: ${what}`);
  process.exitCode = code === 0 && left.length > 0 ? 1 : code;
} catch (error) {
  console.error(error instanceof LabUnavailableError ? `patchbay demo: ${error.message}` : error);
  process.exitCode = 1;
}

/** What the demo must leave as it was: links, mounts and pinned namespaces of the machine. */
function machineState(): ReadonlySet<string> {
  const lines = (path: string) => readFileSync(path, 'utf8').trim().split('\n');
  return new Set([
    ...readdirSync('/sys/class/net').map((name) => `link ${name}`),
    ...lines('/proc/self/mounts').map((line) => `mount ${line.split(' ')[1]}`),
  ]);
}

function difference(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [
    ...[...after].filter((each) => !before.has(each)),
    ...[...before].filter((each) => !after.has(each)).map((each) => `${each} is gone`),
  ];
}
