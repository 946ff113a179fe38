import { expect, it } from 'vitest';
import { processCpu } from './process-cpu.ts';

it('grows by the time that a process works, in milliseconds', () => {
  const before = processCpu(process.pid);
  const { user, system } = process.cpuUsage();
  while (process.cpuUsage().user - user < 50_000);
  const used = process.cpuUsage({ user, system });
  const expected = (used.user + used.system) / 1000;
  const counted = processCpu(process.pid) - before;
  expect(counted).toBeGreaterThan(expected * 0.8);
  expect(counted).toBeLessThan(expected * 1.5);
});
