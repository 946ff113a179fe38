import type { PodSandbox } from '@patchbay/nri';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AttachmentsRig, claim, pod } from '../testing/attachments-rig.ts';
import { FakeBackend } from '../testing/fake-backend.ts';

let rig: AttachmentsRig;
beforeEach(() => {
  rig = new AttachmentsRig();
});
afterEach(() => rig[Symbol.dispose]());

describe('after a restart', () => {
  it('what was attached is verified and stays, what was missed is attached, what is gone comes back', async () => {
    const backend = new FakeBackend('a', 'b', 'c');
    const first = rig.begin(backend);
    await first.prepare(claim('stays', ['a'], { pods: ['p1'] }));
    await first.prepare(claim('missed', ['b'], { pods: ['p2'] }));
    await first.prepare(claim('gone', ['c'], { pods: ['p3'] }));
    await first.hooks.runPodSandbox?.(pod('p1'));
    await first.hooks.runPodSandbox?.(pod('p3'));
    await Promise.all(['stays', 'gone'].map(first.settled));

    const second = rig.begin(backend);
    await second.hooks.synchronize?.([pod('p1'), pod('p2')], []);
    expect(Object.fromEntries(backend.places)).toEqual({ a: 'sandbox-p1', b: 'sandbox-p2' });
    expect([second.isOpen('stays'), second.isOpen('missed'), second.isOpen('gone')]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('a running pod that has changed its links is left alone', async () => {
    const backend = new FakeBackend('a');
    const first = rig.begin(backend);
    await first.prepare(claim('c1', ['a']));
    await first.hooks.runPodSandbox?.(pod('p1'));
    await first.settled('c1');
    backend.failing.add('attach a');
    const second = rig.begin(backend);
    await second.hooks.synchronize?.([pod('p1')], []);
    expect(backend.places.get('a')).toBe('sandbox-p1');
    expect(second.isOpen('c1')).toBe(true);
  });

  it.each([
    ['without a path', undefined],
    ['with the path of a namespace that is gone', '/run/netns/sandbox-p1'],
  ])('a stopped sandbox that the runtime still lists %s counts as gone', async (_what, path) => {
    const backend = new FakeBackend('a');
    const first = rig.begin(backend);
    await first.prepare(claim('c1', ['a']));
    await first.hooks.runPodSandbox?.(pod('p1'));
    await first.settled('c1');
    rig.dead.add('/run/netns/sandbox-p1');
    const second = rig.begin(backend);
    await second.hooks.synchronize?.([{ ...pod('p1'), networkNamespacePath: path } as PodSandbox], []);
    expect(backend.places.size).toBe(0);
    expect(second.ledger.get('c1')?.attachments).toEqual([]);
    expect(second.isOpen('c1')).toBe(false);
  });

  it("a pod's stopped sandbox beside its running one changes nothing", async () => {
    for (const order of [0, 1]) {
      const backend = new FakeBackend('a');
      const first = rig.begin(backend);
      await first.prepare(claim(`c${order}`, ['a']));
      await first.hooks.runPodSandbox?.(pod('p1', 'new'));
      await first.settled(`c${order}`);
      rig.dead.add('/run/netns/old');
      const listed = [pod('p1', 'old'), pod('p1', 'new')];
      const second = rig.begin(backend);
      await second.hooks.synchronize?.(order === 0 ? listed : listed.toReversed(), []);
      expect(backend.places.get('a')).toBe('new');
      expect(backend.calls.filter((call) => call.startsWith('detach'))).toEqual([]);
      await second.unprepare(`c${order}`);
    }
  });

  it('an attach that was cut off is completed, or undone when its pod is gone', async () => {
    for (const [pods, place] of [
      [[pod('p1')], 'sandbox-p1'],
      [[], undefined],
    ] as const) {
      const backend = new FakeBackend('a');
      const first = rig.begin(backend);
      await first.prepare(claim('c1', ['a']));
      backend.attach.attach = () => new Promise(() => {});
      void first.hooks.runPodSandbox?.(pod('p1'));
      await new Promise((resolve) => setTimeout(resolve, 30));
      backend.places.set('a', 'sandbox-p1');

      const again = new FakeBackend('a');
      again.places.set('a', 'sandbox-p1');
      const second = rig.begin(again);
      expect(second.ledger.get('c1')?.attachments[0]?.phase).toBe('attaching');
      await second.hooks.synchronize?.(pods, []);
      expect(again.places.get('a')).toBe(place);
      await second.unprepare('c1');
    }
  });
});
