import { afterEach, expect, test, vi } from 'vitest';
import { LabContainerd } from './lab-containerd.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

test('LabContainerd does not start outside the lab', async () => {
  vi.stubEnv('LAB_CGROUP', undefined);
  const tools = {
    series: '2' as const,
    directory: '/nowhere',
    containerd: '/nowhere/containerd',
    ctr: '/nowhere/ctr',
    runc: '/nowhere/runc',
    path: [],
    cniPlugins: '/nowhere/cni',
    busybox: '/nowhere/busybox',
    image: '/nowhere/image.tar',
    packages: {},
  };
  await expect(LabContainerd.start({ tools })).rejects.toThrow(LabUnavailableError);
});
