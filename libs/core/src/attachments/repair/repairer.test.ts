import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttachmentsRig, claim, container, pod } from '../../testing/attachments-rig.ts';
import { FakeBackend } from '../../testing/fake-backend.ts';

let rig: AttachmentsRig;
beforeEach(() => {
  rig = new AttachmentsRig();
});
afterEach(() => rig[Symbol.dispose]());

const { signal } = new AbortController();

/** A driver with two claims in a pod. */
async function running(backend = new FakeBackend('a', 'b')) {
  const driver = rig.begin(backend);
  await driver.hooks.synchronize?.([], []);
  await driver.prepare(claim('c1', ['a']));
  await driver.prepare(claim('c2', ['b']));
  await driver.hooks.runPodSandbox?.(pod('p1'));
  for (const uid of ['c1', 'c2']) await driver.settled(uid);
  backend.calls.length = 0;
  const repair = async () =>
    (await driver.repairer.repair('timer', signal)).map(({ action, error }) =>
      error === undefined ? action.kind : `${action.kind} failed`,
    );
  return { ...driver, repair };
}

/** Has a backend say where its devices are, by `places`. */
function locating(backend: FakeBackend): FakeBackend {
  backend.attach.locate = async (prepared, { sandboxId }) =>
    backend.places.get((prepared as { device: string }).device) === sandboxId ? 'pod' : 'host';
  return backend;
}

describe('repair', () => {
  it('does nothing, and asks no pod, where everything is in order', async () => {
    const driver = await running();
    expect(await driver.repair()).toEqual([]);
    expect(driver.backend.calls).toEqual([]);
  });

  it('brings only the device again that a pod has lost', async () => {
    const driver = await running(locating(new FakeBackend('a', 'b')));
    driver.backend.places.delete('b');
    expect(await driver.repair()).toEqual(['restore']);
    expect(driver.backend.calls).toEqual(['attach b sandbox-p1']);
    expect(driver.events.at(-1)).toBe('attached c2');
    expect(await driver.repair()).toEqual([]);
  });

  it('tries again what failed, and leaves the rest of the pod alone', async () => {
    const driver = await running(locating(new FakeBackend('a', 'b')));
    driver.backend.places.delete('b');
    driver.backend.failing.add('attach b');
    driver.backend.attach.locate = async () => 'host';
    expect(await driver.repair()).toEqual(['restore', 'restore failed']);
    expect(driver.ledger.get('c2')).toMatchObject({
      attachments: [{ phase: 'attached' }],
      failure: { doing: 'attaching', message: expect.stringContaining('attach b fails') },
    });
    expect(driver.isOpen('c2')).toBe(true);
  });

  it('takes back from a pod of whose end the runtime has not told, once it must have', async () => {
    const driver = await running();
    driver.pods.delete(pod('p1'));
    expect(await driver.repair()).toEqual([]);
    vi.useFakeTimers({ now: Date.now() + 11_000, toFake: ['Date'] });
    try {
      expect(await driver.repair()).toEqual(['detach', 'detach']);
    } finally {
      vi.useRealTimers();
    }
    expect(driver.backend.places.size).toBe(0);
    expect([driver.isOpen('c1'), driver.isOpen('c2')]).toEqual([false, false]);
  });

  it('does not take from a pod of whose sandbox the driver has first heard when its container was created', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.hooks.synchronize?.([], []);
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.createContainer?.(pod('p1'), container([]));
    await driver.settled('c1');
    vi.useFakeTimers({ now: Date.now() + 60_000, toFake: ['Date'] });
    try {
      expect(await driver.repairer.repair('timer', signal)).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
    expect([driver.backend.places.get('a'), driver.isOpen('c1')]).toEqual(['sandbox-p1', true]);
  });

  it('leaves alone what belongs to claims whose records only another version can read', async () => {
    const driver = await running();
    driver.backend.attach.leftovers = async () => expect.unreachable('asked what is left');
    const other = rig.begin(new FakeBackend('c'));
    await other.prepare(claim('newer', ['c'], { pods: ['p2'] }));
    await other.hooks.runPodSandbox?.(pod('p2'));
    await other.settled('newer');
    driver.cdi.set('newer', { devices: [], mounts: [] });
    const path = join(rig.directory, 'claims/newer.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"version":1', '"version":2'));
    expect(await driver.repair()).toEqual([]);
    expect([other.isOpen('newer'), driver.cdi.has('newer')]).toEqual([true, true]);
  });

  it('judges by the kernel alone while the runtime is not connected', async () => {
    const driver = await running();
    driver.pods.forget();
    expect(await driver.repair()).toEqual([]);
    rig.dead.add('/run/netns/sandbox-p1');
    expect(await driver.repair()).toEqual(['detach', 'detach']);
  });

  it('removes what is left of runs that were cut off, and nothing else', async () => {
    const driver = await running();
    const gates = join(rig.directory, 'gates');
    mkdirSync(join(gates, 'network-of-claim-x'));
    writeFileSync(join(rig.directory, 'claims/c1.json.tmp'), '{"vers');
    driver.cdi.set('gone', { devices: [], mounts: [] });
    expect(await driver.repair()).toEqual(['remove', 'remove', 'remove']);
    expect(readdirSync(gates)).toHaveLength(2);
    expect(existsSync(join(rig.directory, 'claims/c1.json.tmp'))).toBe(false);
    expect([...driver.cdi.keys()]).toEqual(['c1', 'c2']);
    expect(await driver.repair()).toEqual([]);
  });

  it('asks backends what they have left, and gives them what accounts for it', async () => {
    const driver = await running();
    const stray = new Set(['pb-1', 'pb-2']);
    let accounted: unknown;
    driver.backend.attach.leftovers = async (known) => {
      accounted = known();
      return [...stray].map((name) => ({ what: 'link', name, remove: async () => void stray.delete(name) }));
    };
    expect(await driver.repair()).toEqual(['remove', 'remove']);
    expect(stray.size).toBe(0);
    expect(accounted).toMatchObject({
      attachments: [{ prepared: { device: 'a' } }, { prepared: { device: 'b' } }],
      running: [{ sandboxId: 'sandbox-p1' }],
    });
  });

  it('of a claim that is worked on waits for that, and does nothing twice', async () => {
    const driver = await running(locating(new FakeBackend('a', 'b')));
    const { detach } = driver.backend.attach;
    vi.spyOn(driver.backend.attach, 'detach').mockImplementationOnce(async (...call) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return detach(...call);
    });
    const stopped = driver.hooks.stopPodSandbox?.(pod('p1'));
    await driver.repair();
    await stopped;
    expect(driver.backend.calls).toEqual(['detach b sandbox-p1', 'detach a sandbox-p1']);
    expect(driver.ledger.all().flatMap(({ attachments }) => attachments)).toEqual([]);
  });
});

describe('the timer', () => {
  it('tries again soon what failed, whatever the occasion was', async () => {
    const driver = await running(locating(new FakeBackend('a', 'b')));
    driver.backend.places.delete('b');
    driver.backend.failing.add('attach b');
    const ending = new AbortController();
    const run = driver.repairer.run(60_000, ending.signal);
    await driver.repairer.repair('synchronize', signal);
    driver.backend.failing.clear();
    await vi.waitFor(() => expect(driver.backend.places.get('b')).toBe('sandbox-p1'), { timeout: 3_000 });
    ending.abort();
    await run;
  });

  it('repairs from time to time, at once when something was unprepared, until it is told to end', async () => {
    const driver = await running();
    const occasions: string[] = [];
    vi.spyOn(driver.repairer, 'repair').mockImplementation(async (occasion) => {
      occasions.push(occasion);
      return [];
    });
    const ending = new AbortController();
    const run = driver.repairer.run(20, ending.signal);
    await vi.waitFor(() => expect(occasions.length).toBeGreaterThan(1));
    driver.repairer.soon();
    await vi.waitFor(() => expect(occasions).toContain('unprepare'));
    ending.abort();
    await run;
  });
});
