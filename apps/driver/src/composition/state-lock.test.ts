import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StateDirectoryBusyError } from '@patchbay/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockStateDirectory } from './state-lock.ts';

describe('lockStateDirectory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'state-'));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('gives a directory to one at a time, by whatever path, and says which and what to do', async () => {
    const state = join(directory, 'state');
    const unlock = await lockStateDirectory(state);
    symlinkSync(state, join(directory, 'other-path'));
    const second = lockStateDirectory(join(directory, 'other-path'));
    await expect(second).rejects.toThrow(StateDirectoryBusyError);
    await expect(second).rejects.toThrow(
      new RegExp(`on the state directory ${directory}/other-path; end it, or give .* state.directory`),
    );
    unlock();
    (await lockStateDirectory(state))();
  });

  it('gives several directories to several drivers', async () => {
    const unlocks = await Promise.all(['a', 'b'].map((name) => lockStateDirectory(join(directory, name))));
    for (const unlock of unlocks) unlock();
  });

  it('takes a directory at once when the process that had it was killed', async () => {
    const script = `
      const { lockStateDirectory } = await import(${JSON.stringify(join(import.meta.dirname, 'state-lock.ts'))});
      await lockStateDirectory(${JSON.stringify(directory)});
      process.stdout.write('locked');
      setInterval(() => {}, 1000);`;
    const flags = ['--conditions=@patchbay/source', '--experimental-strip-types', '--input-type=module'];
    const holder = spawn(process.execPath, [...flags, '-e', script], { timeout: 10_000 });
    await once(holder.stdout, 'data');
    await expect(lockStateDirectory(directory)).rejects.toThrow(StateDirectoryBusyError);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    (await lockStateDirectory(directory))();
  });
});
