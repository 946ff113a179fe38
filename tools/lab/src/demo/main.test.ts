import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

it('refuses parameters, of which it has none, before it begins', () => {
  const main = resolve(import.meta.dirname, 'main.ts');
  const command = ['--conditions=@patchbay/source', '--experimental-strip-types', main, '--fast'];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain("patchbay demo: '--fast' is too much: the demo takes no parameters");
});
