import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pause } from '../waiting/wait-until.ts';
import { withFileLock } from './file-lock.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => {
  rmSync(directory, { recursive: true });
});

describe('withFileLock', () => {
  test('lets one at a time in and returns what the work returns', async () => {
    const path = join(directory, 'lock');
    let inside = 0;
    let most = 0;
    const work = async () => {
      most = Math.max(most, ++inside);
      await pause(30);
      return inside--;
    };
    expect(await Promise.all([1, 2, 3].map(() => withFileLock(path, work)))).toEqual([1, 1, 1]);
    expect(most).toBe(1);
  });

  test('is free again after work that failed', async () => {
    const path = join(directory, 'lock');
    const failing = withFileLock(path, () => Promise.reject(new Error('no disk')));
    await expect(failing).rejects.toThrow('no disk');
    expect(await withFileLock(path, () => Promise.resolve('in'))).toBe('in');
  });

  test('says that it waits, and is free after its holder was killed', async () => {
    const path = join(directory, 'lock');
    const module = join(import.meta.dirname, 'file-lock.ts');
    const program = `import { withFileLock } from '${module}';
      await withFileLock('${path}', async () => { console.log('held'); await new Promise((r) => setTimeout(r, 60000)); });`;
    const holder = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    let waited = false;
    const mine = withFileLock(
      path,
      () => Promise.resolve('in'),
      () => {
        waited = true;
        holder.kill('SIGKILL');
      },
    );
    expect(await mine).toBe('in');
    expect(waited).toBe(true);
  });

  test('a file that cannot be locked is reported with a remedy', async () => {
    const locking = withFileLock(join(directory, 'missing/lock'), () => Promise.resolve());
    await expect(locking).rejects.toThrow(LabUnavailableError);
  });
});
