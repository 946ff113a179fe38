import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { StateDirectoryTakenError } from '@patchbay/core';
import { type AdapterName, loadForeignLibraries } from '@patchbay/ffi';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileStateLocks } from './file-state-locks.ts';

describe.each<AdapterName>(['koffi', 'ffi-napi'])('FileStateLocks with %s', (adapter) => {
  const libraries = loadForeignLibraries(adapter);
  let directory: string;
  const opened: FileStateLocks[] = [];
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'locks-'));
  });
  afterEach(() => {
    for (const locks of opened.splice(0)) locks[Symbol.dispose]();
    rmSync(directory, { recursive: true });
  });

  function open(driverName = 'patchbay.dev'): FileStateLocks {
    const locks = FileStateLocks.open(join(directory, 'state'), driverName, libraries);
    opened.push(locks);
    return locks;
  }

  /** Another process that holds a lock, or the whole. */
  async function otherProcess(work: string) {
    const module = JSON.stringify(join(import.meta.dirname, 'file-state-locks.ts'));
    const script = `
      const { FileStateLocks } = await import(${module});
      const { loadForeignLibraries } = await import('@patchbay/ffi');
      const state = ${JSON.stringify(join(directory, 'state'))};
      const locks = FileStateLocks.open(state, 'patchbay.dev', loadForeignLibraries('${adapter}'));
      ${work}`;
    const flags = ['--conditions=@patchbay/source', '--experimental-strip-types', '--input-type=module'];
    const child = spawn(process.execPath, [...flags, '-e', script], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 15_000,
    });
    await once(child.stdout, 'data');
    return child;
  }

  it('gives a name to one instance at a time', () => {
    const [first, second] = [open(), open()];
    expect([first.tryLock('a'), second.tryLock('a'), second.tryLock('b')]).toEqual([true, false, true]);
    first.unlock('a');
    expect([second.tryLock('a'), first.tryLock('b')]).toEqual([true, false]);
  });

  it('gives up what it has when it is closed', () => {
    const [first, second] = [open(), open()];
    first.tryLock('a');
    first[Symbol.dispose]();
    opened.shift();
    expect(second.tryLock('a')).toBe(true);
  });

  it('frees at once what a process had that was killed', async () => {
    const child = await otherProcess(
      `locks.tryLock('a'); process.stdout.write('locked'); setInterval(() => {}, 1000);`,
    );
    const locks = open();
    expect(locks.tryLock('a')).toBe(false);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(locks.tryLock('a')).toBe(true);
  });

  it('has other processes wait while one works exclusively', async () => {
    const child = await otherProcess(`
      locks.exclusively(() => {
        process.stdout.write('working');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      });`);
    const exit = once(child, 'exit');
    const locks = open();
    const begun = performance.now();
    expect(locks.exclusively(() => 'result')).toBe('result');
    expect(performance.now() - begun).toBeLessThan(2000);
    await exit;
  });

  it('refuses a directory of a driver of another name, and says whose it is and what to do', async () => {
    open();
    expect(() => open('other.example.com')).toThrow(StateDirectoryTakenError);
    expect(() => open('other.example.com')).toThrow(
      /is that of driver patchbay\.dev; give this driver a state\.directory/,
    );
    await sleep(0);
  });

  it('leaves no descriptor open when it is refused', () => {
    open();
    const before = readdirSync('/proc/self/fd').length;
    for (let round = 0; round < 20; round++) expect(() => open('other.example.com')).toThrow();
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });
});
