import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { commandScript } from './run-in-vm.ts';

let directory = '';
beforeEach(() => {
  directory = realpathSync(mkdtempSync(join(tmpdir(), "it's a folder ")));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('commandScript', () => {
  const show = ['sh', '-c', 'pwd; env; printf "<%s>" "$@"', 'sh'];

  test('runs the command in its directory, with its words as they are', () => {
    const script = commandScript([...show, "it's", '$HOME `id`', '', 'two\nlines'], directory, {});
    const output = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
    expect(output.split('\n')[0]).toBe(directory);
    expect(output).toContain("<it's><$HOME `id`><><two\nlines>");
  });

  test('gives it the environment and nothing else, also names that a shell cannot export', () => {
    const environment = { PATH: process.env['PATH'], 'npm_config.x-y': "a 'b' $c", GONE: undefined };
    const script = commandScript(show, directory, environment);
    const output = execFileSync('sh', ['-c', script], {
      encoding: 'utf8',
      env: { ...process.env, OTHER: '1' },
    });
    expect(output).not.toMatch(/OTHER|GONE/);
    expect(
      execFileSync('sh', ['-c', commandScript(['env'], '/', environment)], { encoding: 'utf8' }),
    ).toContain("npm_config.x-y=a 'b' $c\n");
  });

  test('ends with the exit code of the command', () => {
    const script = commandScript(['sh', '-c', 'exit 7'], directory, { PATH: process.env['PATH'] });
    expect(() => execFileSync('sh', ['-c', script])).toThrow(expect.objectContaining({ status: 7 }) as Error);
  });
});
