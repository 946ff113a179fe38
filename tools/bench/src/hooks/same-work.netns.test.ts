/** The C program and the driver make the same of a pod, or comparing them would mean nothing. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitUntil } from '@patchbay/lab';
import { benchBackends, mostLinks } from '../links/bench-backends.ts';
import { BenchHost } from '../links/bench-host.ts';
import { BenchNode } from '../node/bench-node.ts';
import type { PodState } from '../links/pod-state.ts';
import { compilePrograms } from '../programs/compile-programs.ts';
import { installedCompiler } from '../programs/find-programs.ts';
import { CProgram } from '../rivals/c-program.ts';
import type { Contestant } from './contestant.ts';
import { DriverHook } from './driver-hook.ts';

const compiler = await installedCompiler();

describe('the C program', () => {
  if (compiler === undefined) {
    it('ABSENT, not tested: this machine has no gcc', () => expect(compiler).toBeUndefined());
    return;
  }

  let directory: string;
  let hosts: readonly [BenchHost, BenchHost];
  let node: BenchNode;
  let c: CProgram;
  let driver: DriverHook;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'bench-'));
    const programs = await compilePrograms(compiler, directory);
    hosts = [BenchHost.here('driver', mostLinks), BenchHost.elsewhere('rivals', mostLinks)];
    node = await BenchNode.make({ relay: programs.relay });
    await node.start();
    driver = new DriverHook(node, hosts[0]);
    c = new CProgram(programs.attach, hosts[1]);
  }, 60_000);
  afterAll(async () => {
    await c.close();
    await node.stop();
    for (const host of hosts) await host.remove();
    rmSync(directory, { recursive: true });
  });

  it.each(benchBackends)(
    'gives a pod $kind links as the driver does, and both take them back',
    async (backend) => {
      const links = backend.plan(mostLinks);
      const made = async (contestant: Contestant) => {
        const before = contestant.host.podState();
        await contestant.attach(backend, links);
        const state = await waitUntil(
          "the pod's links to be operational",
          () => operational(contestant.host),
          {
            timeoutMs: 5000,
          },
        );
        await contestant.detach(backend, links);
        expect(contestant.host.podState()).toEqual(before);
        return state;
      };
      const ofDriver = await made(driver);
      expect(ofDriver.links.map(({ name }) => name)).toEqual(links.map(({ podName }) => podName));
      expect(await made(c)).toEqual(ofDriver);
    },
  );

  it('says what it could not do, and goes on', async () => {
    const [backend] = benchBackends;
    const [link] = backend!.plan(1);
    await expect(
      c.attach(backend!, [{ ...link!, route: { ...link!.route, gateway: '192.0.2.1' } }]),
    ).rejects.toThrow('error configuration 101');
    await c.detach(backend!, [link!]);
    await c.attach(backend!, [link!]);
    await c.detach(backend!, [link!]);
  });
});

/** What the pod has, once the kernel has told itself that all its links work, which it does a moment after they do. */
function operational(host: BenchHost): PodState | undefined {
  const state = host.podState();
  return state.links.every(({ operState }) => operState === 'up') ? state : undefined;
}
