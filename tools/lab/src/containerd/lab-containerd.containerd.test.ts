import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { RpcError } from '../grpc/rpc-error.ts';
import { enteredContainerdTools } from './containerd-tools.ts';
import { LabContainerd } from './lab-containerd.ts';
import type { LabContainerdOptions } from './lab-containerd.ts';
import { shimProcesses } from './shim-processes.ts';
import { mountsBelow } from './unmount-below.ts';

const tools = enteredContainerdTools();
const pod = { name: 'web', namespace: 'default', uid: 'uid-web' };
const containerds: LabContainerd[] = [];

async function startContainerd(options: Partial<LabContainerdOptions> = {}): Promise<LabContainerd> {
  const containerd = await LabContainerd.start({ tools, ...options });
  containerds.push(containerd);
  return containerd;
}

async function runContainer(containerd: LabContainerd): Promise<{ sandbox: string; container: string }> {
  const sandbox = await containerd.cri.runPodSandbox(pod);
  const container = await containerd.cri.createContainer(
    sandbox,
    { name: 'main', env: { GREETING: 'hello' } },
    pod,
  );
  await containerd.cri.startContainer(container);
  return { sandbox, container };
}

afterEach(async () => {
  for (const containerd of containerds.splice(0))
    if (existsSync(containerd.directory)) await containerd.stop();
});

describe(`LabContainerd ${tools.series}`, () => {
  test('runs the series that the lab was entered with', async () => {
    const { cri } = await startContainerd();
    const { runtimeName, runtimeVersion } = await cri.version();
    expect(runtimeName).toBe('containerd');
    expect(runtimeVersion.startsWith(`${tools.series}.`)).toBe(true);
    expect(process.env['LAB_SERIES']).toBe(tools.series);
  });

  test('gives a pod an address, a network namespace and containers that run commands', async () => {
    const containerd = await startContainerd();
    const { sandbox, container } = await runContainer(containerd);
    const status = await containerd.cri.podSandboxStatus(sandbox);
    expect(status).toMatchObject({ name: 'web', namespace: 'default', uid: 'uid-web', state: 'ready' });
    expect(status?.ips).toEqual([expect.stringMatching(/^10\.213\.7\.\d+$/)]);
    expect(existsSync(status?.networkNamespacePath ?? '')).toBe(true);
    const command = 'echo $GREETING; ip -o -4 addr show eth0; echo oops >&2; exit 3';
    const result = await containerd.cri.execSync(container, ['sh', '-c', command]);
    expect(result.stdout).toContain('hello\n');
    expect(result.stdout).toContain(`inet ${status?.ips[0] ?? ''}/24`);
    expect(result).toMatchObject({ stderr: 'oops\n', exitCode: 3 });
    expect(await containerd.cri.listContainers({ podSandboxId: sandbox })).toMatchObject([
      { id: container, name: 'main', state: 'running', podSandboxId: sandbox },
    ]);
    await containerd.cri.stopContainer(container);
    expect(await containerd.cri.containerStatus(container)).toMatchObject({ state: 'exited', exitCode: 137 });
    await containerd.cri.removeContainer(container);
    expect(await containerd.cri.containerStatus(container)).toBeUndefined();
    await containerd.cri.stopPodSandbox(sandbox);
    expect(await containerd.cri.podSandboxStatus(sandbox)).toMatchObject({ state: 'not-ready' });
    expect(existsSync(status?.networkNamespacePath ?? '')).toBe(false);
    await containerd.cri.removePodSandbox(sandbox);
    expect(await containerd.cri.podSandboxStatus(sandbox)).toBeUndefined();
    expect(await containerd.cri.listPodSandbox()).toEqual([]);
  });

  test('a host-network pod shares the network namespace of the lab and has no path of its own', async () => {
    const { cri } = await startContainerd();
    const spec = { ...pod, hostNetwork: true };
    const sandbox = await cri.runPodSandbox(spec);
    const status = await cri.podSandboxStatus(sandbox);
    expect(status?.networkNamespacePath).toBeUndefined();
    expect(status?.ips).toEqual([]);
  });

  test('mounts, devices and capabilities of a container spec arrive', async () => {
    const { cri, directory } = await startContainerd();
    writeFileSync(join(directory, 'note'), 'from the node');
    const sandbox = await cri.runPodSandbox(pod);
    const spec = {
      name: 'main',
      mounts: [{ source: join(directory, 'note'), destination: '/note', readOnly: true }],
      devices: [{ source: '/dev/zero', destination: '/dev/nothing' }],
      capabilities: ['NET_ADMIN'],
    };
    const container = await cri.createContainer(sandbox, spec, pod);
    await cri.startContainer(container);
    const script =
      'cat /note; head -c 2 /dev/nothing | wc -c; ip link set eth0 down && echo changed; echo x > /note';
    const result = await cri.execSync(container, ['sh', '-c', script]);
    expect(result.stdout).toMatch(/^from the node2\nchanged\n$/);
    expect(result.stderr).toContain('Read-only file system');
  });

  test('pods survive the kill of the runtime and are known again after its restart', async () => {
    const containerd = await startContainerd();
    const { sandbox, container } = await runContainer(containerd);
    const before = await containerd.cri.podSandboxStatus(sandbox);
    await containerd.kill();
    expect(containerd.running).toBe(false);
    await expect(containerd.cri.version()).rejects.toThrow(RpcError);
    expect(shimProcesses(containerd.criSocket)).toHaveLength(1);
    expect(existsSync(`/proc/${String(before?.pid)}`)).toBe(true);
    await containerd.restart();
    expect(await containerd.cri.podSandboxStatus(sandbox)).toEqual(before);
    expect(await containerd.cri.execSync(container, ['true'])).toMatchObject({ exitCode: 0 });
  });

  test('stop can leave the pods running for a restart', async () => {
    const containerd = await startContainerd();
    const { container } = await runContainer(containerd);
    await containerd.stop({ removePods: false });
    expect(containerd.running).toBe(false);
    await containerd.restart();
    expect(await containerd.cri.execSync(container, ['true'])).toMatchObject({ exitCode: 0 });
  });

  test.each(['running', 'killed'])(
    'stop leaves no shim, mount or file of a runtime that is %s',
    async (state) => {
      const containerd = await startContainerd();
      const { sandbox } = await runContainer(containerd);
      const namespace = (await containerd.cri.podSandboxStatus(sandbox))?.networkNamespacePath ?? '';
      expect(mountsBelow(containerd.directory).length).toBeGreaterThan(0);
      if (state === 'killed') await containerd.kill();
      await containerd.stop();
      expect(shimProcesses(containerd.criSocket)).toEqual([]);
      expect(mountsBelow(containerd.directory)).toEqual([]);
      expect(existsSync(namespace)).toBe(false);
      expect(existsSync(containerd.directory)).toBe(false);
    },
  );

  test('starts again and again with fresh state, also side by side', async () => {
    const first = await startContainerd();
    await runContainer(first);
    const second = await startContainerd({ podSubnet: '10.213.8.0/24' });
    expect(await second.cri.listPodSandbox()).toEqual([]);
    const { sandbox } = await runContainer(second);
    expect((await second.cri.podSandboxStatus(sandbox))?.ips[0]).toMatch(/^10\.213\.8\./);
    await first.stop();
    await second.stop();
    const third = await startContainerd();
    expect(await third.cri.listPodSandbox()).toEqual([]);
    await runContainer(third);
  });

  test('a CDI device whose mount source is missing keeps the container from starting until the file exists', async () => {
    const { cri, cdiDirectory, directory } = await startContainerd();
    const gate = join(directory, 'claim-not-attached');
    const spec = {
      cdiVersion: '0.6.0',
      kind: 'example.org/gate',
      devices: [
        {
          name: 'claim-1',
          containerEdits: {
            mounts: [{ hostPath: gate, containerPath: '/run/gate', options: ['ro', 'bind'] }],
          },
        },
      ],
      containerEdits: {},
    };
    writeFileSync(join(cdiDirectory, 'gate.json'), JSON.stringify(spec));
    const sandbox = await cri.runPodSandbox(pod);
    const gated = { name: 'main', cdiDevices: ['example.org/gate=claim-1'] };
    const run = async (attempt: number) => {
      const container = await cri.createContainer(sandbox, { ...gated, attempt }, pod);
      await cri.startContainer(container);
      return container;
    };
    const refusal: unknown = await run(0).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(RpcError);
    expect(String(refusal)).toMatch(/error mounting "[^"]*claim-not-attached".*no such file or directory/);
    writeFileSync(gate, '');
    const container = await run(1);
    expect(await cri.execSync(container, ['test', '-f', '/run/gate'])).toMatchObject({ exitCode: 0 });
    rmSync(gate);
  });

  test('a CDI device that no spec describes fails the creation of the container', async () => {
    const { cri } = await startContainerd();
    const sandbox = await cri.runPodSandbox(pod);
    const spec = { name: 'main', cdiDevices: ['example.org/gate=unknown'] };
    await expect(cri.createContainer(sandbox, spec, pod)).rejects.toThrow(/unresolvable CDI devices/);
  });

  test('has an NRI socket unless NRI is disabled', async () => {
    const enabled = await startContainerd();
    expect(existsSync(enabled.nriSocket)).toBe(true);
    const disabled = await startContainerd({ nriDisabled: true, podSubnet: '10.213.8.0/24' });
    expect(existsSync(disabled.nriSocket)).toBe(false);
  });

  test('refuses a directory whose sockets would not fit into an address', async () => {
    const directory = `/run/lab/${'x'.repeat(90)}`;
    await expect(LabContainerd.start({ tools, directory })).rejects.toThrow(RangeError);
    expect(existsSync(directory)).toBe(false);
  });
});
