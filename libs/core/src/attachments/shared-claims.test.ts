import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttachmentsRig, claim, container, pod } from '../testing/attachments-rig.ts';
import { FakeBackend } from '../testing/fake-backend.ts';

let rig: AttachmentsRig;
beforeEach(() => {
  rig = new AttachmentsRig();
});
afterEach(() => rig[Symbol.dispose]());

describe('a claim of several pods', () => {
  it('gives each a link of its own, and takes them back one by one', async () => {
    const driver = rig.begin(new FakeBackend('a').share());
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await driver.hooks.runPodSandbox?.(pod('p2'));
    await driver.settled('c1');
    expect([...driver.backend.links]).toEqual(['a sandbox-p1', 'a sandbox-p2']);
    expect(driver.ledger.get('c1')?.attachments).toMatchObject([
      { phase: 'attached', sandbox: { podUID: 'p1' } },
      { phase: 'attached', sandbox: { podUID: 'p2', shared: true } },
    ]);
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    expect([...driver.backend.links]).toEqual(['a sandbox-p2']);
    expect(driver.isOpen('c1')).toBe(true);
    await driver.unprepare('c1');
    expect([driver.backend.links.size, driver.ledger.all(), driver.isOpen('c1')]).toEqual([0, [], false]);
  });

  it('also gives one to a pod that was reserved after the claim was prepared, when its container is created', async () => {
    const driver = rig.begin(new FakeBackend('a').share());
    await driver.prepare(claim('c1', ['a'], { pods: ['p1'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await driver.hooks.runPodSandbox?.(pod('p2'));
    const [mount = ''] = driver.cdi.get('c1')?.mounts ?? [];
    await driver.hooks.createContainer?.(pod('p2'), container([mount]));
    expect([...driver.backend.links]).toEqual(['a sandbox-p1', 'a sandbox-p2']);
  });

  it('keeps containers waiting while the attachment to any of them was cut off', async () => {
    const backend = new FakeBackend('a').share();
    const first = rig.begin(backend);
    await first.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await first.hooks.runPodSandbox?.(pod('p1'));
    await first.settled('c1');
    backend.failing.add('attach a').add('detach a');
    await expect(first.hooks.runPodSandbox?.(pod('p2'))).rejects.toThrow('undoing it failed too');
    expect(first.isOpen('c1')).toBe(false);

    const second = rig.begin(backend);
    await second.hooks.synchronize?.([pod('p1')], []);
    expect(second.isOpen('c1')).toBe(false);
    backend.failing.clear();
    await second.hooks.synchronize?.([pod('p1'), pod('p2')], []);
    await second.settled('c1');
    expect([...backend.links]).toEqual(['a sandbox-p1', 'a sandbox-p2']);
    expect(second.isOpen('c1')).toBe(true);
  });

  it('goes on working in the pods that have it when it cannot be attached to another', async () => {
    const driver = rig.begin(new FakeBackend('a').share());
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    driver.backend.failing.add('attach a');
    await expect(driver.hooks.runPodSandbox?.(pod('p2'))).rejects.toThrow('attach a fails');
    expect([...driver.backend.links]).toEqual(['a sandbox-p1']);
    expect(driver.isOpen('c1')).toBe(true);
  });

  it('goes on working in the pods that have it when the journal refuses another', async () => {
    const driver = rig.begin(new FakeBackend('a').share());
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await driver.settled('c1');
    rmSync(join(rig.directory, 'claims'), { recursive: true });
    await expect(driver.hooks.runPodSandbox?.(pod('p2'))).rejects.toThrow('cannot write');
    expect([...driver.backend.links]).toEqual(['a sandbox-p1']);
    expect(driver.isOpen('c1')).toBe(true);
  });

  it('is refused when a pod has its interface name from another claim, in whatever order they come', async () => {
    const named = (uid: string, device: string, pods: string[]) =>
      claim(uid, [device], { pods, interface: { name: 'net1' } });
    const driver = rig.begin(new FakeBackend('a', 'b', 'c').share());
    const together = [
      driver.prepare(named('own', 'a', ['p1'])),
      driver.prepare(named('ours', 'b', ['p1', 'p2'])),
    ];
    const results = await Promise.allSettled(together);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    await driver.prepare(named('later', 'c', ['p3']));
    await expect(driver.prepare(named('later', 'c', ['p1', 'p3']))).rejects.toThrow(
      "interface name 'net1' of request 'req-c' is taken by claim default/own of the same pod",
    );
  });

  it('of a backend that is not enabled any more does not keep other pods from being repaired', async () => {
    const first = rig.begin(new FakeBackend('a').share());
    await first.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await first.hooks.runPodSandbox?.(pod('p1'));
    await first.prepare(claim('c2', [], { pods: ['p2'] }));
    const second = rig.begin(new FakeBackend('a'), { kind: 'other' });
    await second.hooks.synchronize?.([pod('p1'), pod('p2')], []);
    expect(second.ledger.get('c2')?.attachments).toMatchObject([{ sandbox: { podUID: 'p2' } }]);
  });

  it('is taken back from every pod that gives it back, although one does not', async () => {
    const driver = rig.begin(new FakeBackend('a').share());
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2', 'p3'] }));
    for (const each of ['p1', 'p2', 'p3']) await driver.hooks.runPodSandbox?.(pod(each));
    await driver.settled('c1');
    const { detach } = driver.backend.attach;
    vi.spyOn(driver.backend.attach, 'detach').mockImplementation(async (prepared, sandbox, signal) => {
      if (sandbox.podUID === 'p2') throw new Error('p2 holds it');
      return detach(prepared, sandbox, signal);
    });
    await expect(driver.unprepare('c1')).rejects.toThrow('still in pod default/p2: p2 holds it');
    expect([...driver.backend.links]).toEqual(['a sandbox-p2']);
    vi.restoreAllMocks();
    await driver.unprepare('c1');
    expect(driver.ledger.all()).toEqual([]);
  });

  it('is refused the second one when its parameters cannot be in two, in words', async () => {
    const obstacle = "its interface 'a' has the address 192.0.2.1/24, which one pod can have";
    const backend = new FakeBackend('a').share(obstacle);
    const driver = rig.begin(backend);
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await expect(driver.hooks.runPodSandbox?.(pod('p2'))).rejects.toThrow(
      /cannot be in two: its interface 'a' has the address .*; give pod default\/p2 a claim of its own/,
    );
    expect([...backend.links]).toEqual(['a sandbox-p1']);
    expect(driver.isOpen('c1')).toBe(true);
  });
});

describe('two instances of the driver', () => {
  it('see what the other has prepared, attach it once, and either takes it back', async () => {
    const backend = new FakeBackend('a', 'b');
    const [older, newer] = [rig.begin(backend), rig.begin(backend)];
    await older.prepare(claim('c1', ['a']));
    // The runtime calls both.
    await newer.hooks.runPodSandbox?.(pod('p1'));
    await newer.settled('c1');
    await older.hooks.runPodSandbox?.(pod('p1'));
    expect(backend.calls.filter((call) => call.startsWith('attach'))).toEqual(['attach a sandbox-p1']);
    await newer.prepare(claim('c2', ['b'], { pods: ['p2'] }));
    await older.unprepare('c2');
    await newer.unprepare('c1');
    expect([older.ledger.all(), newer.ledger.all(), backend.prepared.size]).toEqual([[], [], 0]);
  });

  it('do not take back what the other has attached since the runtime listed its pods', async () => {
    const backend = new FakeBackend('a', 'b');
    const [older, newer] = [rig.begin(backend), rig.begin(backend)];
    for (const [uid, device, of] of [
      ['c1', 'a', 'p1'],
      ['c2', 'b', 'p2'],
    ] as const) {
      await older.prepare(claim(uid, [device], { pods: [of] }));
      await older.hooks.runPodSandbox?.(pod(of));
      await older.settled(uid);
    }
    const { detach } = backend.attach;
    vi.spyOn(backend.attach, 'detach').mockImplementationOnce(async (...call) => {
      await older.hooks.runPodSandbox?.(pod('p2', 'next'));
      return detach(...call);
    });
    await newer.hooks.synchronize?.([], []);
    expect([...backend.places]).toEqual([['b', 'next']]);
  });
});
