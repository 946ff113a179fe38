import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { demoVariable, difference, machineState } from './machine-state.ts';

describe('machineState', () => {
  const mark = `test-${process.pid}`;
  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });

  async function run(command: readonly [string, ...string[]], env: NodeJS.ProcessEnv = {}): Promise<number> {
    const [program, ...parameters] = command;
    const child = spawn(program, parameters, { env: { ...process.env, ...env }, timeout: 20_000 });
    children.push(child);
    await once(child, 'spawn');
    return child.pid ?? 0;
  }

  /** Only what concerns the demo's processes: links and mounts of the machine may change while the test runs. */
  function added(before: ReadonlySet<string>): string[] {
    return difference(before, machineState(mark)).filter((each) =>
      /^(process|network namespace) /.test(each),
    );
  }

  it('finds a process that the demo left, and not those of others', async () => {
    const before = machineState(mark);
    await run(['sleep', '15'], { [demoVariable]: 'another' });
    const pid = await run(['sleep', '15'], { [demoVariable]: mark });
    await vi.waitFor(() => expect(added(before)).toEqual([`process ${pid} (sleep 15)`]));
  });

  it.runIf(process.geteuid?.() === 0)('finds the network namespace that such a process is in', async () => {
    const before = machineState(mark);
    const pid = await run(['unshare', '--net', 'sleep', '15'], { [demoVariable]: mark });
    await vi.waitFor(() =>
      expect(added(before)).toEqual([
        `process ${pid} (sleep 15)`,
        expect.stringMatching(/^network namespace net:\[\d+\]$/),
      ]),
    );
  });
});

describe('difference', () => {
  it('names what came and what went', () => {
    expect(difference(new Set(['link a', 'link b']), new Set(['link b', 'link c']))).toEqual([
      'link c',
      'link a is gone',
    ]);
  });
});
