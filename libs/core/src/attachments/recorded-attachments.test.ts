import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttachmentsRig, claim, pod } from '../testing/attachments-rig.ts';
import { FakeBackend } from '../testing/fake-backend.ts';

let rig: AttachmentsRig;
beforeEach(() => {
  rig = new AttachmentsRig();
});
afterEach(() => rig[Symbol.dispose]());

describe('the journal', () => {
  it('knows which links attaching has made, which the pod may rename', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await vi.waitFor(() =>
      expect(rig.begin(driver.backend).ledger.get('c1')?.attachments).toMatchObject([
        { phase: 'attached', linkIndexes: { a: 7 } },
      ]),
    );
  });

  it('tells detaching which links those are, also in the next life of the driver when a first try has failed', async () => {
    const backend = new FakeBackend('a');
    const { detach } = backend.attach;
    const told: unknown[] = [];
    backend.attach.detach = (prepared, sandbox, signal) => {
      told.push(sandbox.linkIndex);
      return detach(prepared, sandbox, signal);
    };
    const driver = rig.begin(backend);
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await vi.waitFor(() => expect(driver.ledger.get('c1')?.attachments[0]?.phase).toBe('attached'));
    backend.failing.add('detach a');
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    backend.failing.clear();
    await rig.begin(backend).unprepare('c1');
    expect(told).toEqual([7, 7]);
  });

  it('knows why attaching failed, also in the next life of the driver, until it succeeds', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b'));
    await driver.prepare(claim('c1', ['a', 'b']));
    driver.backend.failing.add('attach b');
    await expect(driver.hooks.runPodSandbox?.(pod('p1'))).rejects.toThrow('attach b fails');
    const failure = {
      doing: 'attaching',
      pod: { namespace: 'default', name: 'p1', uid: 'p1' },
      at: expect.any(Number),
      message: expect.stringMatching(/^cannot attach device b .*: attach b fails$/),
    };
    await vi.waitFor(() => expect(driver.ledger.get('c1')?.failure).toEqual(failure));
    const next = rig.begin(driver.backend);
    expect(next.ledger.get('c1')?.failure).toEqual(failure);
    next.backend.failing.clear();
    await next.hooks.runPodSandbox?.(pod('p1', 'second-sandbox'));
    expect(next.ledger.get('c1')).not.toHaveProperty('failure');
  });

  it('knows why a claim is still in its pod', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    driver.backend.failing.add('detach a');
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    expect(driver.ledger.get('c1')).toMatchObject({
      failure: { doing: 'detaching', message: expect.stringContaining('detach a fails') },
      attachments: [{ phase: 'detaching' }],
    });
    driver.backend.failing.clear();
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    expect(driver.ledger.get('c1')).not.toHaveProperty('failure');
  });

  it('knows why a claim was refused to a second pod, and leaves it with the first', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await expect(driver.hooks.runPodSandbox?.(pod('p2'))).rejects.toThrow('cannot be in two');
    await vi.waitFor(() =>
      expect(driver.ledger.get('c1')).toMatchObject({
        failure: { pod: { name: 'p2' }, message: expect.stringContaining('cannot be in two') },
        attachments: [{ phase: 'attached', sandbox: { podUID: 'p1' } }],
      }),
    );
  });
});
