import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { tarArchive } from './tar-archive.ts';
import type { TarEntry } from './tar-archive.ts';

const entries: readonly TarEntry[] = [
  { kind: 'directory', path: 'bin' },
  { kind: 'file', path: 'bin/program', mode: 0o755, content: Buffer.from('x'.repeat(700)) },
  { kind: 'symlink', path: 'bin/alias', target: 'program' },
  { kind: 'file', path: 'empty', content: Buffer.alloc(0) },
];

describe('tarArchive', () => {
  test('is read by tar with all kinds, modes, owners and times', () => {
    const list = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--full-time'], {
      input: tarArchive(entries),
      encoding: 'utf8',
    });
    expect(list.trim().split('\n')).toEqual([
      expect.stringMatching(/^drwxr-xr-x 0\/0 +0 1970-01-01 00:00:00 bin\/$/),
      expect.stringMatching(/^-rwxr-xr-x 0\/0 +700 1970-01-01 00:00:00 bin\/program$/),
      expect.stringMatching(/^lrwxrwxrwx 0\/0 +0 1970-01-01 00:00:00 bin\/alias -> program$/),
      expect.stringMatching(/^-rw-r--r-- 0\/0 +0 1970-01-01 00:00:00 empty$/),
    ]);
  });

  test('keeps the content of files', () => {
    const content = execFileSync('tar', ['--extract', '--to-stdout', 'bin/program'], {
      input: tarArchive(entries),
    });
    expect(content.toString()).toBe('x'.repeat(700));
  });

  test('refuses a name that the format cannot hold', () => {
    const path = 'a'.repeat(101);
    expect(() => tarArchive([{ kind: 'file', path, content: Buffer.alloc(0) }])).toThrow(RangeError);
    expect(() => tarArchive([{ kind: 'symlink', path: 'link', target: path }])).toThrow(RangeError);
  });
});
