import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LabContainerd, enteredContainerdTools } from '@patchbay/lab';
import { afterEach, describe, expect, it, vi } from 'vitest';

const tools = enteredContainerdTools();
const pod = { name: 'web', namespace: 'default', uid: 'uid-web' };
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function startContainerd(): Promise<LabContainerd> {
  const containerd = await LabContainerd.start({ tools });
  cleanups.push(() => containerd.stop());
  return containerd;
}

/** A plugin in a process of its own, that can be killed. Its handlers are given as source text. */
async function startPluginProcess(containerd: LabContainerd, handlers: string): Promise<ChildProcess> {
  const module = join(mkdtempSync('/run/lab/plugin-'), 'plugin.ts');
  writeFileSync(
    module,
    `import { NriPlugin } from ${JSON.stringify(join(import.meta.dirname, 'nri-plugin.ts'))};
     const plugin = new NriPlugin({
       name: 'process', index: '20', socketPath: process.argv[2],
       handlers: ${handlers},
       onConnectionChange: (state) => { if (state.connected) process.stdout.write('connected'); },
     });
     await plugin.run(new AbortController().signal);`,
  );
  const { child, output } = startNode([module, containerd.nriSocket]);
  await vi.waitFor(() => expect(output()).toContain('connected'), { timeout: 10_000 });
  return child;
}

/** A Node.js process and what it has written so far. */
function startNode(parameters: readonly string[]): { child: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, ['--conditions=@patchbay/source', ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return { child, output: () => output };
}

async function runContainer({ cri }: LabContainerd, sandbox: string): Promise<string> {
  const container = await cri.createContainer(sandbox, { name: 'main' }, pod);
  await cri.startContainer(container);
  return container;
}

describe(`A plugin’s process with containerd ${tools.series}`, () => {
  it('does not keep a pod from starting when its process is killed in the hook, and a new process registers', async () => {
    const containerd = await startContainerd();
    const hanging = `{
      runPodSandbox: () => new Promise(() => process.kill(process.pid, 'SIGKILL')),
    }`;
    const first = await startPluginProcess(containerd, hanging);
    const sandbox = await containerd.cri.runPodSandbox(pod);
    expect(await containerd.cri.podSandboxStatus(sandbox)).toMatchObject({ state: 'ready' });
    await vi.waitFor(() => expect(first.signalCode).toBe('SIGKILL'));
    await startPluginProcess(containerd, `{ createContainer: () => ({ env: { FROM: 'second' } }) }`);
    const container = await runContainer(containerd, sandbox);
    expect((await containerd.cri.execSync(container, ['env'])).stdout).toContain('FROM=second');
  });

  it('runs the example that the README shows', async () => {
    const example = join(import.meta.dirname, '../../examples/pod-watcher.ts');
    const shown = readFileSync(example, 'utf8').replace('../src/index.ts', '@patchbay/nri');
    expect(readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')).toContain(shown);
    const containerd = await startContainerd();
    const { child, output } = startNode([example, containerd.nriSocket]);
    await vi.waitFor(() => expect(output()).toContain('connected to containerd'), { timeout: 10_000 });
    const sandbox = await containerd.cri.runPodSandbox(pod);
    const container = await runContainer(containerd, sandbox);
    expect((await containerd.cri.execSync(container, ['env'])).stdout).toContain('WATCHED=yes');
    const forbidden = {
      ...pod,
      name: 'evil',
      uid: 'uid-evil',
      annotations: { 'example.org/forbidden': 'yes' },
    };
    await expect(containerd.cri.runPodSandbox(forbidden)).rejects.toThrow('pod default/evil is forbidden');
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(output()).toMatch(
      /default\/web runs in \/.*default\/web gets container main.*not connected: ended/s,
    );
  });
});
