import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CdiSpecStore } from './cdi-spec-store.ts';

describe('CdiSpecStore', () => {
  let root: string;
  let directory: string;
  let store: CdiSpecStore;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'cdi-'));
    directory = join(root, 'cdi');
    store = new CdiSpecStore({ directory, vendor: 'toys.example.com', class: 'claim' });
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const mount = { mounts: [{ hostPath: '/run/gate', containerPath: '/run/gate', options: ['bind', 'ro'] }] };

  it('writes a specification that runtimes can read and returns the qualified names', async () => {
    const names = await store.write('uid-1', [{ name: 'nic', containerEdits: mount }]);
    expect(names).toEqual(['toys.example.com/claim=uid-1-nic']);
    expect(readdirSync(directory)).toEqual(['toys.example.com-claim_uid-1.json']);
    expect(JSON.parse(readFileSync(join(directory, 'toys.example.com-claim_uid-1.json'), 'utf8'))).toEqual({
      cdiVersion: '0.6.0',
      kind: 'toys.example.com/claim',
      devices: [{ name: 'uid-1-nic', containerEdits: mount }],
    });
  });

  it('leaves a file alone that already says the same, and replaces one that does not', async () => {
    await store.write('uid-1', [{ name: 'nic', containerEdits: mount }]);
    const file = join(directory, 'toys.example.com-claim_uid-1.json');
    const inode = statSync(file).ino;
    await store.write('uid-1', [{ name: 'nic', containerEdits: mount }]);
    expect(statSync(file).ino).toBe(inode);
    writeFileSync(file, '{"cdiVersion":');
    await store.write('uid-1', [{ name: 'nic', containerEdits: mount }]);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('kind');
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('reads back what it wrote, and nothing from a file that is missing or cut off', async () => {
    const devices = [
      { name: 'nic', containerEdits: mount },
      { name: 'disk', containerEdits: { env: ['DISK=1'] } },
    ];
    await store.write('uid-1', devices);
    expect(await store.read('uid-1')).toEqual(devices);
    expect(await store.read('uid-2')).toBeUndefined();
    writeFileSync(join(directory, 'toys.example.com-claim_uid-1.json'), '{"cdiVersion":');
    expect(await store.read('uid-1')).toBeUndefined();
  });

  it('lists its own specifications only', async () => {
    expect(await store.list()).toEqual([]);
    for (const id of ['b', 'a']) await store.write(id, [{ name: 'nic', containerEdits: mount }]);
    await new CdiSpecStore({ directory, vendor: 'toys.example.com', class: 'claims' }).write('c', [
      { name: 'nic', containerEdits: mount },
    ]);
    writeFileSync(join(directory, 'nvidia.yaml'), '');
    expect(await store.list()).toEqual(['a', 'b']);
  });

  it('removes what a process has left that was killed while writing, of that specification only', async () => {
    await store.write('claim-1', [{ name: 'a', containerEdits: mount }]);
    for (const id of ['claim-1', 'claim-10']) {
      writeFileSync(join(directory, `.toys.example.com-claim_${id}.0123abcd`), '{"cdiVer');
    }
    await store.remove('claim-1');
    expect(readdirSync(directory)).toEqual(['.toys.example.com-claim_claim-10.0123abcd']);
  });

  it('removes a specification, also a second time', async () => {
    await store.write('a', [{ name: 'nic', containerEdits: mount }]);
    await store.remove('a');
    await store.remove('a');
    expect(await store.list()).toEqual([]);
  });

  it('has no file without devices, since an empty specification is invalid', async () => {
    await store.write('a', [{ name: 'nic', containerEdits: mount }]);
    expect(await store.write('a', [])).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  it.each([
    ['../a', 'nic'],
    ['a', 'n/c'],
    ['', 'nic'],
  ])('refuses the names %j and %j', async (id, name) => {
    await expect(store.write(id, [{ name, containerEdits: mount }])).rejects.toBeInstanceOf(RangeError);
  });

  it('refuses a device name that occurs twice', async () => {
    const device = { name: 'nic', containerEdits: mount };
    await expect(store.write('a', [device, device])).rejects.toThrow('not unique');
  });
});
