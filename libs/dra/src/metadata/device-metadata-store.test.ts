import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AllocatedClaim, AllocatedDevice } from '../claims/allocated-claim.ts';
import { decodeDeviceMetadata } from '../testing/index.ts';
import { DeviceMetadataStore } from './device-metadata-store.ts';
import { DeviceMetadataInvalidError } from './device-metadata.ts';
import type { DeviceMetadata } from './device-metadata.ts';

const driverName = 'toys.example.com';
const uid = '0a0f6c4e-9a0b-4c53-8a64-0d5a3b6f2f11';

function device(request: string, name: string, more: Partial<AllocatedDevice> = {}): AllocatedDevice {
  return { request, pool: 'worker', device: name, adminAccess: false, configs: [], ...more };
}

function claim(devices: AllocatedDevice[], more: Partial<AllocatedClaim> = {}): AllocatedClaim {
  return { uid, namespace: 'default', name: 'my-claim', reservedFor: [], devices, ...more };
}

function about(request: string, name: string, more: Partial<DeviceMetadata> = {}): DeviceMetadata {
  return { request, pool: 'worker', device: name, ...more };
}

const network = {
  interfaceName: 'net1',
  ips: ['10.0.0.5/24', 'fd00::5/64'],
  hardwareAddress: '02:00:00:00:00:05',
};

/**
 * A thread of its own, so that it reads while the file is written. It counts the generations that it sees, and how often it came upon
 * content that is none: not each such reading, since this machine may let the writer rest in the middle.
 */
const readAgainAndAgain = `
  const { readFileSync } = require('node:fs');
  const { path, counts } = require('node:worker_threads').workerData;
  let last = 0;
  let whole = true;
  while (Atomics.load(counts, 2) === 0) {
    try {
      const { generation } = JSON.parse(readFileSync(path, 'utf8')).metadata;
      if (generation !== last) Atomics.add(counts, 0, 1);
      last = generation;
      whole = true;
    } catch {
      if (whole) Atomics.add(counts, 1, 1);
      whole = false;
    }
  }
`;

describe('DeviceMetadataStore', () => {
  let root: string;
  let directory: string;
  let store: DeviceMetadataStore;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'metadata-'));
    directory = join(root, 'metadata');
    store = open();
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const open = (bootId = 'boot') => new DeviceMetadataStore({ directory, driverName, bootId });
  const path = (request: string) => join(directory, uid, `${request}.json`);
  const read = (request: string) => decodeDeviceMetadata(readFileSync(path(request), 'utf8'));
  const first = (request: string) => read(request).requests[0]!.devices[0]!;
  const generation = (request: string) => read(request).metadata.generation;

  it('writes a file that containers can decode, and says where they find it', async () => {
    const attributes = {
      model: { string: 'car' },
      wheels: { int: 4 },
      'resource.kubernetes.io/pciBusID': { string: '0000:03:00.0' },
      electric: { bool: false },
      firmware: { version: '1.2.3' },
    };
    const mounts = await store.write(claim([device('toy', 'car')]), [about('toy', 'car', { attributes })]);
    expect(mounts).toEqual([
      {
        request: 'toy',
        mount: {
          hostPath: path('toy'),
          containerPath:
            '/var/run/kubernetes.io/dra-device-attributes/resourceclaims/my-claim/toy/toys.example.com-metadata.json',
          options: ['ro', 'bind'],
        },
      },
    ]);
    expect(read('toy')).toEqual({
      kind: 'DeviceMetadata',
      apiVersion: 'metadata.resource.k8s.io/v1alpha1',
      metadata: { name: 'my-claim', namespace: 'default', uid, generation: 1 },
      requests: [{ name: 'toy', devices: [{ driver: driverName, pool: 'worker', name: 'car', attributes }] }],
    });
    expect(statSync(path('toy')).mode & 0o777).toBe(0o644);
  });

  it('a claim from a template is found under the name that the pod’s spec has for it', async () => {
    const [written] = await store.write(claim([device('toy', 'car')], { podClaimName: 'my-toy' }), []);
    expect(written?.mount.containerPath).toBe(
      '/var/run/kubernetes.io/dra-device-attributes/resourceclaimtemplates/my-toy/toy/toys.example.com-metadata.json',
    );
    expect(read('toy').podClaimName).toBe('my-toy');
  });

  it('each request has a file with all of its devices, shares and administrative access included', async () => {
    const devices = [
      device('toy', 'car', { shareId: 'share-a' }),
      device('admin', 'train', { adminAccess: true }),
      device('toy', 'car', { shareId: 'share-b' }),
    ];
    const mounts = await store.write(claim(devices), [
      about('toy', 'car', { shareId: 'share-b', attributes: { wheels: { int: 2 } } }),
    ]);
    expect(mounts.map(({ request }) => request)).toEqual(['toy', 'admin']);
    const named = { driver: driverName, pool: 'worker' };
    expect(read('toy').requests).toEqual([
      {
        name: 'toy',
        devices: [
          { ...named, name: 'car' },
          { ...named, name: 'car', attributes: { wheels: { int: 2 } } },
        ],
      },
    ]);
    expect(read('admin').requests).toEqual([{ name: 'admin', devices: [{ ...named, name: 'train' }] }]);
  });

  it('a subrequest is told in the content, while the path has the request', async () => {
    const [written] = await store.write(claim([device('toy/fast', 'car')]), [about('toy/fast', 'car')]);
    expect(written?.request).toBe('toy');
    expect(written?.mount.containerPath).toContain('/my-claim/toy/toys.example.com-metadata.json');
    expect(read('toy').requests[0]?.name).toBe('toy/fast');
    await store.update(uid, [about('toy', 'car', { networkData: network })]);
    expect(read('toy').requests[0]?.name).toBe('toy/fast');
    expect(first('toy').networkData).toEqual(network);
  });

  it('an update changes the same inode, adds to what was written and raises the generation', async () => {
    const attributes = { wheels: { int: 4 }, model: { string: 'car' } };
    await store.write(claim([device('toy', 'car'), device('other', 'train')]), [
      about('toy', 'car', { attributes }),
    ]);
    const before = statSync(path('toy'));
    const found = about('toy', 'car', { networkData: network, attributes: { model: { string: 'bus' } } });
    expect(await store.update(uid, [found])).toBe(true);
    expect(statSync(path('toy')).ino).toBe(before.ino);
    expect(generation('toy')).toBe(2);
    expect(first('toy')).toMatchObject({
      attributes: { wheels: { int: 4 }, model: { string: 'bus' } },
      networkData: network,
    });
    expect(generation('other')).toBe(1);
    // Repeated, also by another process, nothing changes.
    const { mtimeNs } = statSync(path('toy'), { bigint: true });
    expect(await open().update(uid, [found])).toBe(true);
    expect(statSync(path('toy'), { bigint: true }).mtimeNs).toBe(mtimeNs);
    expect(generation('toy')).toBe(2);
    await store.update(uid, []);
    expect(first('toy')).toEqual({ driver: driverName, pool: 'worker', name: 'car', attributes });
    expect(generation('toy')).toBe(3);
  });

  it('written again, the file stays as it is, with what was found out since', async () => {
    const devices = [about('toy', 'car', { attributes: { wheels: { int: 4 }, model: { string: 'car' } } })];
    const mounts = await store.write(claim([device('toy', 'car')]), devices);
    const files = () => readdirSync(join(directory, uid)).sort();
    const [inode, names] = [statSync(path('toy')).ino, files()];
    const reordered = [about('toy', 'car', { attributes: { model: { string: 'car' }, wheels: { int: 4 } } })];
    expect(await open().write(claim([device('toy', 'car')]), reordered)).toEqual(mounts);
    expect([statSync(path('toy')).ino, generation('toy')]).toEqual([inode, 1]);
    expect(files()).toEqual(names);
    await store.update(uid, [about('toy', 'car', { networkData: network })]);
    await open().write(claim([device('toy', 'car')]), devices);
    expect([statSync(path('toy')).ino, generation('toy')]).toEqual([inode, 2]);
    expect(first('toy').networkData).toEqual(network);
    // A newer driver knows more.
    await open().write(claim([device('toy', 'car')]), [
      about('toy', 'car', { attributes: { a: { int: 1 } } }),
    ]);
    expect([statSync(path('toy')).ino, generation('toy')]).toEqual([inode, 3]);
    expect(first('toy')).toMatchObject({ attributes: { a: { int: 1 } }, networkData: network });
  });

  it('a shorter content leaves no rest of the longer one, and a page is enough for both', async () => {
    const long = { attributes: { text: { string: 'x'.repeat(5000) } } };
    await store.write(claim([device('toy', 'car'), device('nic', 'train')]), [about('toy', 'car', long)]);
    expect(statSync(path('nic')).size).toBe(4096);
    await store.update(uid, [about('nic', 'train', { networkData: network })]);
    expect(statSync(path('nic')).size).toBe(4096);
    await store.write(claim([device('toy', 'car'), device('nic', 'train')]), [about('toy', 'car')]);
    expect(statSync(path('toy')).size).toBe(8192);
    // What reads only one JSON value, unlike Go's decoder, is content too.
    expect(JSON.parse(readFileSync(path('toy'), 'utf8'))).toEqual(read('toy'));
  });

  it('what an earlier boot or a crash has left is overwritten', async () => {
    await store.write(claim([device('toy', 'car')]), []);
    await store.update(uid, [about('toy', 'car', { networkData: network })]);
    const rebooted = open('next boot');
    expect(await rebooted.update(uid, [about('toy', 'car')])).toBe(false);
    expect(await rebooted.list()).toEqual([uid]);
    await rebooted.write(claim([device('toy', 'car')]), []);
    expect(generation('toy')).toBe(1);
    expect(first('toy').networkData).toBeUndefined();

    // Half a file, a directory that a runtime made for want of a source, and a record of which nothing reached the disk.
    writeFileSync(path('toy'), '{"kind":"DeviceMeta');
    await rebooted.update(uid, []);
    expect(generation('toy')).toBe(1);
    rmSync(path('toy'));
    mkdirSync(path('toy'));
    await rebooted.write(claim([device('toy', 'car')]), []);
    expect(generation('toy')).toBe(1);
    writeFileSync(join(directory, uid, '.record-900'), '');
    writeFileSync(join(directory, uid, '.new-abc'), '');
    expect(await rebooted.update(uid, [])).toBe(false);
    await rebooted.write(claim([device('toy', 'car')]), [about('toy', 'car', { networkData: network })]);
    expect(first('toy').networkData).toEqual(network);
    expect(readdirSync(join(directory, uid)).filter((name) => name.startsWith('.record'))).toEqual([
      '.record-901',
    ]);
  });

  it('removes everything of a claim, also a second time, and lists the others', async () => {
    expect(await store.list()).toEqual([]);
    await store.write(claim([device('toy', 'car')]), []);
    await store.write({ ...claim([device('toy', 'train')]), uid: 'another' }, []);
    mkdirSync(join(directory, '.removed-by-a-killed-process'));
    expect(await store.list()).toEqual([uid, 'another']);
    await store.remove(uid);
    await store.remove(uid);
    expect(await store.list()).toEqual(['another']);
    expect(readdirSync(directory)).toEqual(['another']);
    expect(await store.update(uid, [])).toBe(false);
  });

  it('a claim removed while it is updated is gone afterwards, whichever process does which', async () => {
    for (let round = 0; round < 30; round++) {
      await store.write(claim([device('toy', 'car')]), []);
      const other = open();
      const updates = [1, 2, 3].map((wheels) =>
        other.update(uid, [about('toy', 'car', { attributes: { wheels: { int: wheels } } })]),
      );
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 3));
      await store.remove(uid);
      await Promise.all(updates);
      expect(readdirSync(directory)).toEqual([]);
    }
  });

  it('processes that share the directory lose nothing of what the others say', async () => {
    await store.write(claim([device('toy', 'car')]), []);
    const stores = [open(), open(), open(), open()];
    const changes = stores.flatMap((one, index) =>
      Array.from({ length: 10 }, (_, round) =>
        index % 2 === 0
          ? one.update(uid, [about('toy', 'car', { networkData: { interfaceName: `net${index}-${round}` } })])
          : one.write(claim([device('toy', 'car')]), [
              about('toy', 'car', { attributes: { round: { int: index * 100 + round } } }),
            ]),
      ),
    );
    await Promise.all(changes);
    const { attributes, networkData } = first('toy');
    expect(networkData?.['interfaceName']).toMatch(/^net[02]-9$/);
    expect([109, 309]).toContain(attributes?.['round']?.['int']);
    // Every change that said something new counted: none of them was overwritten unseen.
    expect(generation('toy')).toBe(41);
    expect(readdirSync(join(directory, uid)).sort()).toEqual([
      expect.stringMatching(/^\.record-\d+$/),
      'toy.json',
    ]);
  });

  it('a reader of a file that changes finds whole contents', async () => {
    await store.write(claim([device('toy', 'car')]), []);
    const counts = new Int32Array(new SharedArrayBuffer(12));
    const reader = new Worker(readAgainAndAgain, { eval: true, workerData: { path: path('toy'), counts } });
    const ended = once(reader, 'exit');
    for (let round = 1; Atomics.load(counts, 0) < 200; round++) {
      // Alternately longer and shorter.
      const interfaceName = 'x'.repeat(1 + (round % 2) * 400);
      await store.update(uid, [about('toy', 'car', { networkData: { interfaceName } })]);
    }
    Atomics.store(counts, 2, 1);
    await ended;
    // The kernel copies while another thread reads; with a moment between two system calls it would be about every other update.
    expect(counts[1]).toBeLessThan(20);
  });

  it.each([
    ['uid', claim([], { uid: '../x' }), "claim.uid: '../x'"],
    ['name', claim([], { name: 'a/b' }), "claim.name: 'a/b'"],
    ['pod’s name for it', claim([], { podClaimName: '..' }), "claim.podClaimName: '..'"],
    ['request', claim([device('../toy', 'car')]), "claim.devices[0].request: '../toy'"],
  ])('refuses a claim whose %s would lead elsewhere', async (_what, bad, message) => {
    await expect(store.write(bad, [])).rejects.toThrow(message);
    expect(await store.list()).toEqual([]);
  });

  it('refuses what no decoder would take, with all mistakes by the path of their field, and changes nothing', async () => {
    await store.write(claim([device('toy', 'car')]), []);
    const { mtimeNs } = statSync(path('toy'), { bigint: true });
    const bad = [
      about('toy', 'train'),
      about('toy', 'car', { attributes: { a: { int: 1.5 }, b: { string: 'x', int: 1 }, c: { bool: true } } }),
      about('toy', 'car', { networkData: { ips: ['10.0.0.1/24', '10.0.0.1'] } }),
    ];
    for (const attempt of [
      () => store.update(uid, bad),
      () => store.write(claim([device('toy', 'car')]), bad),
    ]) {
      const error = await attempt().catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(DeviceMetadataInvalidError);
      expect((error as DeviceMetadataInvalidError).problems).toEqual([
        "devices[0]: the claim has no device worker/train for request 'toy'",
        "devices[1].attributes['a']: 1.5 is no exact integer",
        'devices[1].attributes[\'b\']: {"string":"x","int":1} must have one of string, int, bool and version',
        "devices[2]: device worker/car of request 'toy' occurs twice",
        "devices[2].networkData.ips[1]: '10.0.0.1' is no address with a prefix length",
      ]);
    }
    expect(statSync(path('toy'), { bigint: true }).mtimeNs).toBe(mtimeNs);
  });

  it('addresses are spelt as in the claim’s status', async () => {
    await store.write(claim([device('toy', 'car')]), [
      about('toy', 'car', { networkData: { ips: ['FD00:0::5/064', '10.0.0.5/24', 'fd00::5/64'] } }),
    ]);
    expect(first('toy').networkData).toEqual({ ips: ['fd00::5/64', '10.0.0.5/24'] });
  });

  it('refuses a driver’s name that is none', () => {
    expect(() => new DeviceMetadataStore({ directory, driverName: 'Toys/x' })).toThrow(RangeError);
  });

  it('knows the running boot by itself', async () => {
    const own = new DeviceMetadataStore({ directory, driverName });
    await own.write(claim([device('toy', 'car')]), []);
    expect(await own.update(uid, [])).toBe(true);
    expect(await open().update(uid, [])).toBe(false);
  });
});
