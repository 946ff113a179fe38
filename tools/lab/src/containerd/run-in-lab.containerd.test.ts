import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { waitUntil } from '../waiting/wait-until.ts';
import { enteredContainerdTools } from './containerd-tools.ts';
import { cgroupHierarchies } from './lab-cgroups.ts';
import { runInLab } from './run-in-lab.ts';

const tools = enteredContainerdTools();
let directory = '';

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lab-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Everything that a lab could leave on the machine, here the lab that this test runs in. */
function machineState() {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const namespaces = new Set<string>();
  for (const id of processes) {
    try {
      namespaces.add(readlinkSync(`/proc/${id}/ns/net`));
    } catch {
      continue;
    }
  }
  const cgroup = process.env['LAB_CGROUP'] ?? '';
  const cgroups = cgroupHierarchies().flatMap((point) => {
    const own = join(point, cgroup);
    return existsSync(own)
      ? readdirSync(own, { withFileTypes: true }).filter((entry) => entry.isDirectory())
      : [];
  });
  return {
    shims: processes.filter((id) => readCommand(id).includes('containerd')),
    mounts: readFileSync('/proc/self/mountinfo', 'utf8').split('\n').length,
    namespaces: [...namespaces].sort(),
    cgroups: cgroups.map(({ name }) => name),
    run: readdirSync('/run').sort(),
    state: readdirSync('/var/lib').sort(),
    links: readdirSync('/sys/class/net').sort(),
  };
}

function readCommand(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** A program that runs a pod with a container and then does what `end` says, without stopping anything. */
function program(end: string): string[] {
  const file = join(directory, 'program.ts');
  const source = resolve(import.meta.dirname);
  writeFileSync(
    file,
    `
    import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
    import { enteredContainerdTools } from '${source}/containerd-tools.ts';
    import { LabContainerd } from '${source}/lab-containerd.ts';
    const { cri } = await LabContainerd.start({ tools: enteredContainerdTools() });
    const pod = { name: 'left', namespace: 'default', uid: 'uid-left' };
    const sandbox = await cri.runPodSandbox(pod);
    await cri.startContainer(await cri.createContainer(sandbox, { name: 'c' }, pod));
    const cgroups = readFileSync('/proc/' + (await cri.podSandboxStatus(sandbox)).pid + '/cgroup', 'utf8');
    writeFileSync('${directory}/seen', JSON.stringify({ cgroups, links: readdirSync('/sys/class/net') }));
    ${end}
    `,
  );
  return [process.execPath, '--conditions=@patchbay/source', file];
}

describe('runInLab', () => {
  test('returns the exit code of its command', async () => {
    expect(await runInLab(['sh', '-c', 'exit 7'], { tools })).toBe(7);
    expect(await runInLab(['true'], { tools })).toBe(0);
  });

  test('passes the environment and the working directory', async () => {
    const script = `test "$COLOUR" = green && test "$PWD" = ${directory} && test "$LAB_SERIES" = ${tools.series}`;
    const options = { tools, env: { COLOUR: 'green' }, cwd: directory };
    expect(await runInLab(['sh', '-c', script], options)).toBe(0);
  });

  test('shows an empty node: own processes, no link but lo, empty /run', async () => {
    const script = `
      test "$(ls /sys/class/net)" = lo || exit 1
      grep -q 'lo:' /proc/net/dev || exit 2
      test "$(cat /sys/class/net/lo/operstate)" != down || exit 3
      test -z "$(ls /run/netns)" || exit 4
      ls /proc | grep -c '^[0-9]*$' | { read count; test "$count" -lt 10; } || exit 5
      ls -d /sys/fs/cgroup/* > /dev/null || exit 6`;
    expect(await runInLab(['sh', '-c', script], { tools })).toBe(0);
  });

  test('leaves nothing behind when the command leaves a runtime with a pod', async () => {
    const before = machineState();
    expect(await runInLab(program('process.exit(5);'), { tools })).toBe(5);
    const seen = JSON.parse(readFileSync(join(directory, 'seen'), 'utf8')) as {
      cgroups: string;
      links: string[];
    };
    expect(seen.cgroups).toContain(`${process.env['LAB_CGROUP'] ?? ''}/patchbay-lab-`);
    expect(seen.links).toContain('lo');
    await expect.poll(machineState, { timeout: 10_000 }).toEqual(before);
  });

  test('leaves nothing behind when it is aborted', async () => {
    const before = machineState();
    const controller = new AbortController();
    const ended = runInLab(program('setInterval(() => undefined, 1000);'), {
      tools,
      signal: controller.signal,
    });
    await waitUntil('the pod to run', () => existsSync(join(directory, 'seen')), { timeoutMs: 30_000 });
    expect(machineState().namespaces.length).toBeGreaterThan(before.namespaces.length);
    controller.abort();
    expect(await ended).toBe(128 + 9);
    // The kernel ends the processes one by one and then their namespaces.
    await expect.poll(machineState, { timeout: 10_000 }).toEqual(before);
  });

  test('the command dies with the process that runs the lab', async () => {
    const beat = join(directory, 'beat');
    const file = join(directory, 'outer.ts');
    const outer = `import { runInLab } from '${import.meta.dirname}/run-in-lab.ts';
      import { openContainerdTools } from '${import.meta.dirname}/containerd-tools.ts';
      const tools = openContainerdTools('${tools.directory}');
      await runInLab(['sh', '-c', 'while true; do echo . >> ${beat}; sleep 0.05; done'], { tools });`;
    writeFileSync(file, outer);
    const script = `"$0" --conditions=@patchbay/source ${file} & while ! test -s ${beat}; do sleep 0.05; done; kill -9 $!; wait`;
    execFileSync('sh', ['-c', script, process.execPath], { stdio: 'ignore' });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const size = readFileSync(beat).length;
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(readFileSync(beat).length).toBe(size);
  });
});
