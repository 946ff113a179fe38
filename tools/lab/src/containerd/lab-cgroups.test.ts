import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cgroupHierarchies, newLabCgroup, removeLabCgroup } from './lab-cgroups.ts';

let hierarchy = '';
beforeEach(() => {
  hierarchy = mkdtempSync(join(tmpdir(), 'cgroup-'));
});
afterEach(() => {
  rmSync(hierarchy, { recursive: true });
});

describe('cgroupHierarchies', () => {
  test('finds the mounts of both versions, whatever optional fields a line has', () => {
    const mountInfo = [
      '23 27 0:22 / /sys rw,relatime - sysfs sysfs rw',
      '31 23 0:28 / /sys/fs/cgroup rw shared:4 - tmpfs cgroup rw,mode=755',
      '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:5 master:1 - cgroup cgroup rw,cpu',
      '41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw',
      '',
    ].join('\n');
    expect(cgroupHierarchies(mountInfo)).toEqual(['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/unified']);
  });
});

describe('newLabCgroup', () => {
  test('differs for each lab of a process and lies in the lab that the process runs in', () => {
    expect(newLabCgroup()).not.toBe(newLabCgroup());
    expect(newLabCgroup('/patchbay-lab-1-0')).toMatch(/^\/patchbay-lab-1-0\/patchbay-lab-\d+-\d+$/);
  });
});

describe('removeLabCgroup', () => {
  test('removes children first and nothing beside', async () => {
    mkdirSync(join(hierarchy, 'lab/pod/container'), { recursive: true });
    mkdirSync(join(hierarchy, 'k8s.io/foreign'), { recursive: true });
    expect(await removeLabCgroup('/lab', { hierarchies: [hierarchy] })).toEqual([]);
    expect(existsSync(join(hierarchy, 'lab'))).toBe(false);
    expect(existsSync(join(hierarchy, 'k8s.io/foreign'))).toBe(true);
  });

  test('leaves and names a cgroup that stays in use', async () => {
    // A file in the way stands for the processes that make the kernel refuse.
    mkdirSync(join(hierarchy, 'lab/pod'), { recursive: true });
    writeFileSync(join(hierarchy, 'lab/pod/in-use'), '');
    expect(await removeLabCgroup('/lab', { timeoutMs: 50, hierarchies: [hierarchy] })).toEqual([
      join(hierarchy, 'lab'),
    ]);
  });

  test('succeeds where the lab never had a cgroup', async () => {
    expect(await removeLabCgroup('/lab', { hierarchies: [hierarchy] })).toEqual([]);
  });
});
