import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Environment variable by which the demo's processes are known: those inherit it that the demo started, and those that they start. */
export const demoVariable = 'PATCHBAY_DEMO';

/**
 * What the demo must leave as it was: the machine's links and mounts, its named network namespaces, the demo's own processes, and the network
 * namespaces that such processes are in. Namespaces and processes of others come and go meanwhile and are none of its business.
 *
 * @param mark value of {@link demoVariable} in the demo's processes
 */
export function machineState(mark: string): ReadonlySet<string> {
  const mounts = readFileSync('/proc/self/mounts', 'utf8').trim().split('\n');
  return new Set([
    ...readdirSync('/sys/class/net').map((name) => `link ${name}`),
    ...mounts.map((line) => `mount ${line.split(' ')[1]}`),
    ...(existsSync('/run/netns') ? readdirSync('/run/netns').map((name) => `namespace ${name}`) : []),
    ...demoProcesses(mark),
  ]);
}

/** What came and what went between two states. */
export function difference(before: ReadonlySet<string>, after: ReadonlySet<string>): string[] {
  return [
    ...[...after].filter((each) => !before.has(each)),
    ...[...before].filter((each) => !after.has(each)).map((each) => `${each} is gone`),
  ];
}

function demoProcesses(mark: string): string[] {
  const own = attempt(() => readlinkSync('/proc/self/ns/net'));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => isOfDemo(pid, mark))
    .flatMap((pid) => {
      const command = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
        .replaceAll('\0', ' ')
        .trim();
      const namespace = attempt(() => readlinkSync(`/proc/${pid}/ns/net`));
      return [
        `process ${pid} (${command})`,
        ...(namespace === '' || namespace === own ? [] : [`network namespace ${namespace}`]),
      ];
    });
}

function isOfDemo(pid: string, mark: string): boolean {
  const environment = attempt(() => readFileSync(`/proc/${pid}/environ`, 'utf8'));
  return environment.split('\0').includes(`${demoVariable}=${mark}`);
}

/** Processes end while /proc is read. */
function attempt(look: () => string): string {
  try {
    return look();
  } catch {
    return '';
  }
}
