import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { PodSandbox } from '@patchbay/nri';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AttachmentsRig, claim, container, pod } from '../testing/attachments-rig.ts';
import { FakeBackend } from '../testing/fake-backend.ts';
import { soleInstance } from './state-locks.ts';

let rig: AttachmentsRig;
beforeEach(() => {
  rig = new AttachmentsRig();
});
afterEach(() => rig[Symbol.dispose]());

describe('a claim', () => {
  it('is prepared, attached with all its devices, detached in reverse and forgotten', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b'));
    const answer = await driver.prepare(claim('c1', ['a', 'b']));
    expect(answer).toEqual([
      {
        requestNames: ['req-a'],
        poolName: 'node/fake',
        deviceName: 'a',
        cdiDeviceIds: ['patchbay.dev/claim=c1-0'],
      },
      {
        requestNames: ['req-b'],
        poolName: 'node/fake',
        deviceName: 'b',
        cdiDeviceIds: ['patchbay.dev/claim=c1-1'],
      },
    ]);
    expect(driver.isOpen('c1')).toBe(false);
    await driver.hooks.runPodSandbox?.(pod('p1'));
    expect(driver.isOpen('c1')).toBe(true);
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    expect(driver.isOpen('c1')).toBe(false);
    await driver.unprepare('c1');
    expect(driver.backend.calls).toEqual([
      'prepare a',
      'prepare b',
      'attach a sandbox-p1',
      'attach b sandbox-p1',
      'detach b sandbox-p1',
      'detach a sandbox-p1',
      'unprepare b',
      'unprepare a',
    ]);
    expect(driver.events).toEqual(['attached c1', 'detached c1']);
    expect(driver.cdi.size).toBe(0);
    expect(readdirSync(join(rig.directory, 'claims'))).toEqual([]);
  });

  it('is prepared once however often the kubelet asks, also by another process, with the same answer', async () => {
    const backend = new FakeBackend('a');
    const first = rig.begin(backend);
    const answers = await Promise.all([first.prepare(claim('c1', ['a'])), first.prepare(claim('c1', ['a']))]);
    const second = rig.begin(backend);
    answers.push(await second.prepare(claim('c1', ['a'])));
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(backend.calls).toEqual(['prepare a']);
    expect(second.cdi.get('c1')?.mounts).toEqual([
      second.gate.path({ uid: 'c1', namespace: 'default', name: 'c1' }),
      '/proc/sys/net/ipv4/conf/a/tag',
    ]);
  });

  it('of an earlier boot is prepared anew', async () => {
    const backend = new FakeBackend('a');
    await rig.begin(backend, { bootId: 'boot 1' }).prepare(claim('c1', ['a']));
    const later = rig.begin(backend, { bootId: 'boot 2' });
    expect(later.ledger.all()).toEqual([]);
    await later.prepare(claim('c1', ['a']));
    expect(backend.calls).toEqual(['prepare a', 'prepare a']);
  });

  it('whose record cannot be written is not prepared', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    rmSync(join(rig.directory, 'claims'), { recursive: true });
    await expect(driver.prepare(claim('c1', ['a']))).rejects.toThrow('cannot write');
    expect(driver.ledger.all()).toEqual([]);
    expect(driver.backend.prepared.size).toBe(0);
  });

  it('that fails half-way is undone and not recorded', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b'));
    driver.backend.failing.add('prepare b');
    await expect(driver.prepare(claim('c1', ['a', 'b']))).rejects.toThrow('prepare b fails');
    expect(driver.backend.prepared.size).toBe(0);
    expect(readdirSync(join(rig.directory, 'claims'))).toEqual([]);
    driver.backend.failing.clear();
    await expect(driver.prepare(claim('c1', ['a', 'b']))).resolves.toHaveLength(2);
  });

  it('with adminAccess sees a held device and never touches it', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    const looking = claim('c2', ['a'], { pods: ['p2'] });
    await driver.prepare({
      ...looking,
      devices: looking.devices.map((device) => ({ ...device, adminAccess: true })),
    });
    await driver.hooks.runPodSandbox?.(pod('p2'));
    await driver.hooks.stopPodSandbox?.(pod('p2'));
    await driver.unprepare('c2');
    expect(driver.backend.calls).toEqual(['prepare a']);
  });

  it.each([
    ['of another node', { pool: 'other/fake' }, "pool 'other/fake' is not of node 'node'"],
    [
      'of a backend that is not enabled',
      { pool: 'node/wifi' },
      "backend 'wifi' is not enabled (enabled: fake)",
    ],
    ['that is not there', { device: 'z' }, "backend 'fake' does not find it"],
  ])('with a device %s is refused in words', async (_what, changes, words) => {
    const driver = rig.begin(new FakeBackend('a'));
    const wanted = claim('c1', ['a']);
    const changed = { ...wanted, devices: wanted.devices.map((device) => ({ ...device, ...changes })) };
    await expect(driver.prepare(changed)).rejects.toThrow(words);
  });

  it('is refused an interface name that another device of the pod gets', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b'));
    await expect(driver.prepare(claim('c1', ['a', 'b'], { interface: { name: 'net1' } }))).rejects.toThrow(
      "requests 'req-a' and 'req-b' both get an interface 'net1'",
    );
    expect(driver.backend.prepared.size).toBe(0);
    await driver.prepare(claim('c1', ['a'], { interface: { name: 'net1' } }));
    await expect(driver.prepare(claim('c2', ['b'], { interface: { name: 'net1' } }))).rejects.toThrow(
      'same pod',
    );
  });

  it('that a pod has is not told to be unprepared when preparing it again fails', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await driver.settled('c1');
    driver.cdi.set = () => {
      throw new Error('no space left');
    };
    await expect(driver.prepare(claim('c1', ['a']))).rejects.toThrow('no space left');
    expect(driver.events).toEqual(['attached c1']);
  });

  it('prepared with one device and allocated another since is refused', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b'));
    await driver.prepare(claim('c1', ['a']));
    await expect(driver.prepare(claim('c1', ['b']))).rejects.toThrow(/is prepared with other devices/);
  });

  it('unknown to the driver is unprepared with success', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.unprepare('unknown');
    expect(driver.backend.calls).toEqual([]);
  });
});

describe('attaching', () => {
  it('that cannot be told of is no failed one', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    const tell = vi.spyOn(driver.events, 'push').mockImplementation((event) => {
      throw new Error(`cannot tell: ${event}`);
    });
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await driver.settled('c1');
    expect(tell.mock.calls).toEqual([['attached c1']]);
    expect([driver.isOpen('c1'), driver.ledger.get('c1')?.attachments[0]?.phase]).toEqual([true, 'attached']);
  });

  it('that fails undoes what it did, keeps the gate closed, tells the runtime, and works the next time', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b', 'c'));
    await driver.prepare(claim('c1', ['a']));
    await driver.prepare(claim('c2', ['b', 'c']));
    driver.backend.failing.add('attach c');
    await expect(driver.hooks.runPodSandbox?.(pod('p1'))).rejects.toThrow(
      "cannot attach device c (request 'req-c') of claim default/c2 to pod default/p1 as 'c': attach c fails",
    );
    expect(driver.backend.places.size).toBe(0);
    expect([driver.isOpen('c1'), driver.isOpen('c2')]).toEqual([false, false]);
    expect(driver.ledger.all().flatMap(({ attachments }) => attachments)).toEqual([]);
    driver.backend.failing.clear();
    await driver.hooks.runPodSandbox?.(pod('p1', 'second-sandbox'));
    expect([...driver.backend.places.values()]).toEqual([
      'second-sandbox',
      'second-sandbox',
      'second-sandbox',
    ]);
  });

  it('whose undoing fails too says both, and is finished by the next sandbox', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b'));
    await driver.prepare(claim('c1', ['a', 'b']));
    driver.backend.failing.add('attach b').add('detach a');
    await expect(driver.hooks.runPodSandbox?.(pod('p1'))).rejects.toThrow(
      /and undoing it failed too: attach b fails; detach a fails/,
    );
    expect(driver.ledger.get('c1')?.attachments[0]?.phase).toBe('detaching');
    driver.backend.failing.clear();
    await driver.hooks.runPodSandbox?.(pod('p1', 'second-sandbox'));
    expect([...driver.backend.places.values()]).toEqual(['second-sandbox', 'second-sandbox']);
  });

  it('costs nothing for a pod without claims, and is refused for a pod with the network of the node', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.hooks.runPodSandbox?.(pod('p9', 's9', undefined));
    await driver.prepare(claim('c1', ['a']));
    const onHost = { ...pod('p1'), networkNamespacePath: undefined } as unknown as PodSandbox;
    await expect(driver.hooks.runPodSandbox?.(onHost)).rejects.toThrow("uses the node's network namespace");
  });

  it('is caught up by the creation of a container when the sandbox hook was missed', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.createContainer?.(pod('p1'), container());
    expect(driver.isOpen('c1')).toBe(true);
    await driver.settled('c1');
    await driver.hooks.createContainer?.(pod('p1'), container());
    expect(driver.backend.calls.filter((call) => call.startsWith('attach'))).toHaveLength(1);
  });

  it('recognises by its gate a claim that was reserved for the pod only later', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a'], { pods: [] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    expect(driver.backend.places.size).toBe(0);
    const gate = driver.gate.path({ uid: 'c1', namespace: 'default', name: 'c1' });
    await driver.hooks.createContainer?.(pod('p1'), container([gate]));
    expect(driver.backend.places.get('a')).toBe('sandbox-p1');
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    expect(driver.backend.places.size).toBe(0);
  });

  it('moves to the new sandbox when the pod got one without the old one being stopped, and journals it first', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1', 'old'));
    const { attach } = driver.backend.attach;
    let journalled: unknown;
    driver.backend.attach.attach = (prepared, sandbox, signal) => {
      journalled = JSON.parse(readFileSync(join(rig.directory, 'claims/c1.json'), 'utf8')).attachments;
      return attach(prepared, sandbox, signal);
    };
    await driver.hooks.runPodSandbox?.(pod('p1', 'new'));
    expect(driver.backend.places.get('a')).toBe('new');
    expect(driver.backend.calls.slice(-2)).toEqual(['detach a old', 'attach a new']);
    expect(journalled).toEqual([
      {
        phase: 'attaching',
        since: expect.any(Number),
        sandbox: expect.objectContaining({ sandboxId: 'new' }),
      },
    ]);
  });

  it('is not undone by the removal of an earlier sandbox of the pod', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1', 'old'));
    await driver.hooks.runPodSandbox?.(pod('p1', 'new'));
    await driver.hooks.stopPodSandbox?.(pod('p1', 'old'));
    await driver.hooks.removePodSandbox?.(pod('p1', 'old'));
    expect(driver.backend.places.get('a')).toBe('new');
    expect(driver.isOpen('c1')).toBe(true);
  });

  it('to a second pod is refused while the first one lives, and leaves the first alone', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a'], { pods: ['p1', 'p2'] }));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await expect(driver.hooks.runPodSandbox?.(pod('p2'))).rejects.toThrow(
      /claim default\/c1 is in pod default\/p1 and cannot be in two: device a is a whole device; give pod default\/p2/,
    );
    expect(driver.backend.places.get('a')).toBe('sandbox-p1');
    expect(driver.isOpen('c1')).toBe(true);
    rig.dead.add('/run/netns/sandbox-p1');
    await driver.hooks.runPodSandbox?.(pod('p2'));
    expect(driver.backend.places.get('a')).toBe('sandbox-p2');
  });
});

describe("a pod's claims", () => {
  it('are attached in the order of the names that the pod has for them, however they are called and prepared', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b', 'c'));
    const made = (uid: string, device: string, podClaimName: string) =>
      driver.prepare({ ...claim(uid, [device]), podClaimName });
    await made('pod-net-b-aaaaa', 'b', 'net-b');
    await made('pod-net-zzzzz', 'a', 'net');
    await driver.prepare(claim('nets', ['c']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    expect(driver.backend.calls.slice(3)).toEqual([
      'attach a sandbox-p1',
      'attach b sandbox-p1',
      'attach c sandbox-p1',
    ]);
  });

  it('are all undone when one fails, and the error names the claim, the request, the device and the reason', async () => {
    const driver = rig.begin(new FakeBackend('a', 'b', 'c'));
    for (const device of ['a', 'b', 'c']) await driver.prepare(claim(`claim-${device}`, [device]));
    driver.backend.failing.add('attach c');
    await expect(driver.hooks.runPodSandbox?.(pod('p1'))).rejects.toThrow(
      "cannot attach device c (request 'req-c') of claim default/claim-c to pod default/p1 as 'c': attach c fails",
    );
    expect([...driver.backend.places]).toEqual([]);
    expect(driver.ledger.all().map(({ attachments }) => attachments)).toEqual([[], [], []]);
    expect(['a', 'b', 'c'].map((device) => driver.isOpen(`claim-${device}`))).toEqual([false, false, false]);
  });
});

describe("a container's mounts", () => {
  it('that wait for the interfaces are taken away by the driver, which knows that they are there', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    const record = driver.ledger.get('c1');
    const mounts = record === undefined ? [] : driver.gate.mounts(record);
    const result = await driver.hooks.createContainer?.(pod('p1'), {
      ...container(),
      mounts: [
        ...mounts.map(({ hostPath, containerPath }) => mount(hostPath, containerPath)),
        mount('/x', '/y'),
      ],
    });
    expect(result).toEqual({
      removeMounts: ['/run/patchbay/this-pod-has-no-interface-a-of-claim-default-c1-yet-c1'],
    });
    expect(driver.isOpen('c1')).toBe(true);
  });

  it('of a pod without claims stay as they are', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    expect(await driver.hooks.createContainer?.(pod('p1'), container(['/x']))).toBeUndefined();
  });
});

describe('a hook', () => {
  it('is answered with the reason when the claim cannot be locked', async () => {
    let broken = false;
    const tryLock = () => {
      if (broken) throw new Error('fcntl fails with ENOLCK');
      return true;
    };
    const driver = rig.begin(new FakeBackend('a'), { locks: { ...soleInstance, tryLock } });
    await driver.prepare(claim('c1', ['a']));
    broken = true;
    await expect(driver.hooks.runPodSandbox?.(pod('p1'))).rejects.toThrow('ENOLCK');
  });
});

describe('detaching', () => {
  it('that fails is tried again by unprepare, which fails until it succeeds', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    driver.backend.failing.add('detach a');
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    expect(driver.isOpen('c1')).toBe(false);
    await expect(driver.unprepare('c1')).rejects.toThrow(
      /claim default\/c1 is still in pod default\/p1: detach a fails/,
    );
    driver.backend.failing.clear();
    await driver.unprepare('c1');
    expect(driver.backend.places.size).toBe(0);
    expect(driver.ledger.all()).toEqual([]);
  });

  it('that the journal refuses twice does not have the claim count as attached', async () => {
    const driver = rig.begin(new FakeBackend('a'));
    await driver.prepare(claim('c1', ['a']));
    await driver.hooks.runPodSandbox?.(pod('p1'));
    await driver.settled('c1');
    vi.spyOn(driver.ledger, 'put').mockImplementation(() => {
      throw new Error('no space left');
    });
    await driver.hooks.stopPodSandbox?.(pod('p1'));
    expect([driver.backend.places.size, driver.ledger.get('c1')?.attachments[0]?.phase]).toEqual([
      0,
      'attached',
    ]);
    // Neither does an attach that the journal refuses as well.
    await expect(driver.hooks.runPodSandbox?.(pod('p1'))).rejects.toThrow('no space left');
    expect(driver.isOpen('c1')).toBe(false);
    vi.restoreAllMocks();
    await driver.hooks.runPodSandbox?.(pod('p1'));
    expect([driver.backend.places.get('a'), driver.isOpen('c1')]).toEqual(['sandbox-p1', true]);
  });
});

function mount(source: string, destination: string) {
  return { source, destination, type: 'bind', options: [] };
}
