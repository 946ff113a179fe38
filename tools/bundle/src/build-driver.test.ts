import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { buildDriver } from './build-driver.ts';
import { installedNodes } from './installed-nodes.ts';
import { repository } from './repository.ts';

/** A program inside the repository, so that it finds packages as the driver does. */
function program(text: string): { entry: string; directory: string } {
  mkdirSync(join(repository, '.cache'), { recursive: true });
  const source = mkdtempSync(join(repository, '.cache/bundle-test-'));
  const directory = mkdtempSync(join(tmpdir(), 'bundle-'));
  onTestFinished(() => {
    rmSync(source, { recursive: true });
    rmSync(directory, { recursive: true });
  });
  const entry = join(source, 'main.ts');
  writeFileSync(entry, text);
  return { entry, directory };
}

/** Uses a CommonJS package, a package of ours by source, the native one, and what CommonJS packages expect around them. */
const everyKind = `
import { createRequire } from 'node:module';
import { Command } from 'commander';
import { loadForeignLibraries } from '@patchbay/ffi';
declare const __dirname: string;
class Handle { closed: boolean = false; [Symbol.dispose](): void { console.log('disposed'); } }
{ using handle = new Handle(); void handle; }
const koffi = createRequire(import.meta.url)('koffi') as { load(path: string | null): { func(signature: string): () => number } };
console.log(new Command('x').name(), loadForeignLibraries().adapter);
console.log(koffi.load(null).func('int getpid()')() === process.pid, __dirname);
`;

describe('the bundle', () => {
  const nodes = installedNodes();

  test('is tried on the pinned Node.js, and on the oldest supported one where the machine has it', () => {
    expect(nodes.map((node) => node.version)).toContain(process.version);
  });

  test.each(nodes)('runs from any folder under Node.js $version', async ({ path }) => {
    const { entry, directory } = program(everyKind);
    const build = await buildDriver({ entry, directory });
    const output = execFileSync(path, [build.program], { cwd: '/', encoding: 'utf8' });
    expect(output).toBe(`disposed\nx koffi\ntrue ${directory}/\n`);
  });

  test('does not load what modules of Node.js load on demand', async () => {
    const { entry, directory } = program(`
      import { request } from 'node:http';
      const loaded = (process as unknown as { moduleLoadList: readonly string[] }).moduleLoadList;
      console.log(typeof request, loaded.filter((name) => name.includes('undici')).length);`);
    const build = await buildDriver({ entry, directory });
    expect(execFileSync(process.execPath, [build.program], { encoding: 'utf8' })).toBe('function 0\n');
  });

  test('reports each file with its size', async () => {
    const { entry, directory } = program('/*! A licence. */\nconsole.log(1);');
    const { sizes } = await buildDriver({ entry, directory });
    expect([...sizes.keys()]).toEqual(
      expect.arrayContaining(['patchbay.mjs', 'patchbay.mjs.map', 'patchbay.mjs.LEGAL.txt']),
    );
    for (const [path, bytes] of sizes) expect(statSync(join(directory, path)).size).toBe(bytes);
    expect(readFileSync(join(directory, 'patchbay.mjs'), 'utf8')).not.toContain('A licence.');
  });

  test('a second build touches nothing, and removes what does not belong to it', async () => {
    const { entry, directory } = program('console.log(1);');
    const build = await buildDriver({ entry, directory });
    writeFileSync(join(directory, 'old.mjs'), '');
    const before = [...build.sizes.keys()].map((path) => statSync(join(directory, path)).ino);
    await buildDriver({ entry, directory });
    expect([...build.sizes.keys()].map((path) => statSync(join(directory, path)).ino)).toEqual(before);
    expect(existsSync(join(directory, 'old.mjs'))).toBe(false);
  });

  test('names optional packages that are left out', async () => {
    const { entry, directory } = program("import('no-such-addon').catch(() => {});");
    expect((await buildDriver({ entry, directory })).absent).toEqual(['no-such-addon']);
  });

  test('is not made when an import does not exist', async () => {
    const { entry, directory } = program("import { gone } from './gone.ts';\nconsole.log(gone);");
    await expect(buildDriver({ entry, directory })).rejects.toThrow('gone.ts');
    expect(existsSync(join(directory, 'patchbay.mjs'))).toBe(false);
  });
});
