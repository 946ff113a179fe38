import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttachmentsRig, claim, container, pod } from '../testing/attachments-rig.ts';
import { FakeBackend } from '../testing/fake-backend.ts';
import { HookDeadline } from './hook-deadline.ts';

let rig: AttachmentsRig;
beforeEach(() => {
  rig = new AttachmentsRig();
});
afterEach(() => rig[Symbol.dispose]());

/** A driver whose claims `c1` and `c2` of pod `p1` are not attached before they are let. */
async function heldUpDriver() {
  const driver = rig.begin(new FakeBackend('a', 'b'));
  await driver.hooks.configure?.({
    ...{ name: 'containerd', version: 'v2.1.9', config: '', registrationTimeoutMs: 5000 },
    requestTimeoutMs: 80,
  });
  await driver.hooks.synchronize?.([], []);
  await driver.prepare(claim('c1', ['a']));
  await driver.prepare(claim('c2', ['b']));
  const { attach } = driver.backend.attach;
  let letGo = () => {};
  const held = new Promise<void>((resolve) => (letGo = resolve));
  driver.backend.attach.attach = async (...call) => {
    await held;
    return attach(...call);
  };
  return { ...driver, letGo };
}

describe('a hook that would be later than the runtime waits', () => {
  it('is answered before; the work goes on, and the containers come when it is done', async () => {
    const driver = await heldUpDriver();
    await driver.hooks.runPodSandbox?.(pod('p1'));
    expect([driver.isOpen('c1'), driver.isOpen('c2')]).toEqual([false, false]);
    await expect(driver.hooks.createContainer?.(pod('p1'), container())).rejects.toThrow(
      'the network of pod default/p1 is still being attached after 40 ms',
    );
    driver.letGo();
    await vi.waitFor(() => expect(driver.isOpen('c2')).toBe(true));
    await driver.hooks.createContainer?.(pod('p1'), container());
    expect(driver.backend.calls.filter((call) => call.startsWith('attach'))).toHaveLength(2);
  });

  it('attaches nothing more to a pod that stops meanwhile, and brings back what it has', async () => {
    const driver = await heldUpDriver();
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await expect(driver.hooks.createContainer?.(pod('p1'), container())).rejects.toThrow(
      'still being attached',
    );
    const stopped = driver.hooks.stopPodSandbox?.(pod('p1'));
    driver.letGo();
    await stopped;
    await vi.waitFor(() => expect(driver.ledger.all().flatMap(({ attachments }) => attachments)).toEqual([]));
    expect(driver.backend.calls.slice(2)).toEqual(['attach a sandbox-p1', 'detach a sandbox-p1']);
  });

  it('leaves nothing of a pod of which a later claim fails', async () => {
    const driver = await heldUpDriver();
    driver.backend.failing.add('attach b');
    await driver.hooks.runPodSandbox?.(pod('p1'));
    driver.letGo();
    await vi.waitFor(() => expect(driver.backend.calls).toContain('detach a sandbox-p1'));
    expect(driver.backend.places.size).toBe(0);
    expect([driver.isOpen('c1'), driver.isOpen('c2')]).toEqual([false, false]);
  });

  it('is answered before also when the whole node is to be looked at', async () => {
    const driver = await heldUpDriver();
    await driver.hooks.synchronize?.([pod('p1')], []);
    driver.letGo();
    await vi.waitFor(() => expect(driver.isOpen('c2')).toBe(true));
  });
});

describe('HookDeadline', () => {
  it('passes on what ends in time, with its result or its error', async () => {
    const deadline = new HookDeadline();
    const onLate = vi.fn();
    expect(await deadline.wait(Promise.resolve('done'), 1000, onLate)).toBe(true);
    await expect(deadline.wait(Promise.reject(new Error('no')), 1000, onLate)).rejects.toThrow('no');
    expect(onLate).not.toHaveBeenCalled();
  });

  it('is a part of what the runtime waits, of two seconds when it does not say, and shorter for a sandbox', () => {
    const deadline = new HookDeadline();
    expect([deadline.ms, deadline.sandboxMs]).toEqual([1000, 250]);
    deadline.set(0);
    expect([deadline.ms, deadline.sandboxMs]).toEqual([1000, 250]);
    deadline.set(4000);
    expect([deadline.ms, deadline.sandboxMs]).toEqual([2000, 500]);
  });
});
