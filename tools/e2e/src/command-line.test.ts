/** What a user meets on the command line, with the built driver. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildDriver } from '@patchbay/bundle';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

const valid = 'apiVersion: patchbay.dev/v1alpha1\nkind: DriverConfig\nbackends: [{ kind: hostdev }]\n';
let program: string;
beforeAll(async () => {
  ({ program } = await buildDriver());
});

interface Outcome {
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

function patchbay(
  parameters: readonly string[],
  { node, environment, ...options }: { uid?: number; node?: string; environment?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  const env = { ...process.env, ...environment, ...(node === undefined ? {} : { NODE_NAME: node }) };
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [program, ...parameters],
      { ...options, env, timeout: 15_000 },
      (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, stdout, stderr });
      },
    );
  });
}

const configDirectories: string[] = [];
afterEach(() => {
  for (const directory of configDirectories.splice(0)) rmSync(directory, { recursive: true });
});

function configFile(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'config-'));
  configDirectories.push(directory);
  chmodSync(directory, 0o755);
  const path = join(directory, 'driver.yaml');
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

describe('patchbay config check', () => {
  it('accepts a valid file', async () => {
    const { code, stdout } = await patchbay(['config', 'check', configFile(valid)]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining('is valid: driver patchbay.dev, backends hostdev'),
    ]);
  });

  it('lists every mistake with its line, without a stack, and fails', async () => {
    const { code, stderr } = await patchbay([
      'config',
      'check',
      configFile(`${valid}ffi: libffi\nlogs: {}\n`),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('line 4: ffi: ');
    expect(stderr).toContain('line 5: logs: unknown field');
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('names the backends that there are when one does not exist', async () => {
    const { code, stderr } = await patchbay([
      'config',
      'check',
      configFile(valid.replace('hostdev', 'wifi')),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "line 3: backends[0].kind: there is no backend 'wifi'; this build has: hostdev, veth, macvlan",
    );
  });
});

describe('patchbay run', () => {
  it.runIf(process.geteuid?.() === 0)('says that it needs root, and what for', async () => {
    const { code, stderr } = await patchbay(['run', '--config', configFile(valid)], { uid: 65_534 });
    expect([code, stderr]).toEqual([1, expect.stringContaining('patchbay run needs root (CAP_NET_ADMIN')]);
  });

  it('says how to give the configuration', async () => {
    const { code, stderr } = await patchbay(['run']);
    expect([code, stderr]).toEqual([2, expect.stringContaining('--config <file>')]);
  });
});

describe.runIf(process.geteuid?.() === 0)('patchbay run on a node without anything', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'run-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });
  const children: ChildProcess[] = [];

  /** The driver in a network namespace of its own, where neither kubelet, runtime nor API server is. */
  function start(enter: readonly string[] = ['unshare', '--net']): {
    child: ChildProcess;
    log: () => string;
  } {
    const config = join(directory, 'driver.yaml');
    writeFileSync(
      config,
      `${valid}kubernetes: { kubeconfig: ${directory}/no-kubeconfig }
kubelet: { registryDirectory: ${directory}/registry, pluginsDirectory: ${directory}/plugins }
nri: { socketPath: ${directory}/nri.sock }
cdi: { directory: ${directory}/cdi }
state: { directory: ${directory}/state }
metrics: { port: 0 }
`,
    );
    const command = [...enter, process.execPath, program, 'run', '--config', config];
    // unshare(1) and nsenter(1) without --fork replace themselves by the driver, so that signals reach it.
    const child = spawn(command[0] ?? '', command.slice(1), { timeout: 15_000, killSignal: 'SIGKILL' });
    children.push(child);
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    return { child, log: () => log };
  }

  async function logged({ child, log }: ReturnType<typeof start>, words: string): Promise<void> {
    await vi.waitFor(
      () => {
        if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}:\n${log()}`);
        expect(log()).toContain(words);
      },
      { timeout: 10_000, interval: 1 },
    );
  }

  async function ended({ child }: ReturnType<typeof start>, signal?: NodeJS.Signals) {
    const begun = performance.now();
    const exit = once(child, 'exit');
    if (signal !== undefined) child.kill(signal);
    const [code] = (await exit) as [number | null];
    return { code, seconds: (performance.now() - begun) / 1000 };
  }

  it.each(['serving metrics', 'waiting for the kubelet', 'driver started'])(
    'ends in order when it is told to right after "%s"',
    async (words) => {
      const driver = start();
      await logged(driver, words);
      const { code, seconds } = await ended(driver, 'SIGTERM');
      expect([code, driver.log()]).toEqual([0, expect.stringContaining('"msg":"ended"')]);
      expect(seconds).toBeLessThan(2);
    },
  );

  it('refuses the state directory of a driver of another name, and says whose it is and what to do', async () => {
    const first = start();
    await logged(first, 'driver started');
    expect((await ended(first, 'SIGTERM')).code).toBe(0);
    writeFileSync(join(directory, 'state/driver'), 'other.example.com\n');
    const second = start();
    expect((await ended(second)).code).toBe(1);
    expect(second.log()).toContain(
      `patchbay: the state directory ${directory}/state is that of driver other.example.com; give this driver a state.directory`,
    );
    expect(second.log()).toContain('"code":"STATE_DIRECTORY_TAKEN"');
  });
});

describe('patchbay schema', () => {
  it.each(['DriverConfig', 'InterfaceConfig'])(
    'prints the JSON Schema of %s with all backends',
    async (kind) => {
      const { code, stdout } = await patchbay(['schema', kind]);
      const schema = JSON.parse(stdout) as { properties: object; additionalProperties: boolean };
      expect([code, schema.additionalProperties]).toEqual([0, false]);
      expect(stdout).toContain('macvlan');
    },
  );
});

describe('patchbay devices', () => {
  it('prints what would be published as JSON, without a cluster', async () => {
    const { code, stdout } = await patchbay(['devices', '--output', 'json'], { node: 'worker-1' });
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      [{ name: 'worker-1/hostdev', devices: expect.any(Array) }],
    ]);
  });

  it("prints devices with their backend, and nothing that is the driver's own", async () => {
    const config = configFile(
      valid.replace(
        '{ kind: hostdev }',
        '{ kind: veth, networks: [{ name: blue, mode: routed, devices: 1 }] }',
      ),
    );
    const { stdout } = await patchbay(['devices', '--config', config, '-o', 'json'], { node: 'worker-1' });
    expect(JSON.parse(stdout)).toMatchObject([
      {
        name: 'worker-1/veth',
        devices: [{ name: 'blue', attributes: { 'patchbay.dev/backend': { string: 'veth' } } }],
      },
    ]);
    expect(stdout).not.toMatch(/"(identity|links|interfaceName|shares|carrier)"/);
    const table = await patchbay(['devices', '--config', config], { node: 'worker-1' });
    expect(table.stdout).toMatch(/worker-1\/veth.*blue.*network=blue/);
  });

  it.runIf(process.geteuid?.() === 0)('prints what keeps a device from being allocated', async () => {
    const config = configFile(
      valid.replace('{ kind: hostdev }', "{ kind: hostdev, links: [{ name: 'cable*' }] }"),
    );
    const script = [
      'ip link add name cable0 type veth peer name cable1',
      'ip link set cable0 up',
      `exec ${process.execPath} ${program} devices --config ${config}`,
    ].join(' && ');
    const { stdout } = await promisify(execFile)('unshare', ['--net', 'sh', '-c', script]);
    expect(stdout).toMatch(/cable0[^\n]*patchbay\.dev\/no-carrier:NoSchedule/);
  });

  it.runIf(process.geteuid?.() === 0)('prints on demand why other links are not published', async () => {
    const config = configFile(
      `${valid.replace('{ kind: hostdev }', "{ kind: hostdev, links: [{ name: 'cable*' }] }")}devices: { reserved: [{ name: cable2 }] }\n`,
    );
    const command = `${process.execPath} ${program} devices --config ${config} --all`;
    const script = [
      'ip link add name cable0 type veth peer name other0',
      'ip link add name cable2 type veth peer name cable3',
      'ip link add name br0 type bridge',
      'ip link set cable3 master br0',
      command,
      `${command} -o json`,
    ].join(' && ');
    const { stdout } = await promisify(execFile)('unshare', ['--net', 'sh', '-c', script]);
    const expected = {
      lo: 'is the loopback interface',
      other0: 'no enabled backend (hostdev) is configured to have it',
      cable2: 'is reserved by the configuration (devices.reserved)',
      cable3: 'is a port of bridge br0',
      br0: 'is a bridge',
    };
    expect(stdout).toMatch(/│ other0 +│ no enabled backend \(hostdev\) is configured to have it +│/);
    const { pools, unpublished } = JSON.parse(stdout.slice(stdout.indexOf('{\n'))) as {
      pools: { devices: { name: string }[] }[];
      unpublished: { link: string; why: string }[];
    };
    expect(pools[0]?.devices.map(({ name }) => name)).toEqual(['cable0']);
    expect(Object.fromEntries(unpublished.map(({ link, why }) => [link, why]))).toEqual(expected);
  });

  it('says why there may be none', async () => {
    const config = configFile(
      valid.replace('{ kind: hostdev }', '{ kind: macvlan, parents: [{ link: nowhere0 }] }'),
    );
    const { code, stdout } = await patchbay(['devices', '--config', config]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^No devices: .*\(macvlan\)/)]);
  });

  it('uses the foreign function adapter that the configuration names', async () => {
    const config = configFile(`${valid}ffi: ffi-napi\n`);
    const { stdout, stderr } = await patchbay(['devices', '--config', config], {
      environment: { NODE_DEBUG: 'module' },
    });
    expect(stdout + stderr).toContain('ffi-napi');
  });
});

describe('patchbay attachments and patchbay repair', () => {
  it.runIf(process.geteuid?.() === 0)('find nothing where no driver has run, and leave it so', async () => {
    const state = join(tmpdir(), 'no-state');
    const config = configFile(`${valid}state: { directory: ${state} }\n`);
    const outputs = await Promise.all(
      [['attachments'], ['attachments', '-o', 'json'], ['repair', '--dry-run'], ['repair']].map((command) =>
        patchbay([...command, '--config', config]),
      ),
    );
    expect(outputs.map(({ code, stdout }) => [code, stdout])).toEqual([
      [0, 'No claim is prepared on this node.\n'],
      [0, `${JSON.stringify({ attachments: [], leftovers: [] }, null, 2)}\n`],
      [0, 'There is nothing to repair.\n'],
      [0, 'There was nothing to repair.\n'],
    ]);
    expect(existsSync(state)).toBe(false);
  });

  it.runIf(process.geteuid?.() === 0)('ask for the rights that they need', async () => {
    const { code, stderr } = await patchbay(['attachments', '--config', configFile(valid)], { uid: 65534 });
    expect([code, stderr]).toEqual([1, expect.stringContaining('only open to root; start it as root')]);
  });
});
