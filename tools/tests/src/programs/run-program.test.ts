import { describe, expect, test } from 'vitest';
import { runProgram } from './run-program.ts';

const quick = { timeoutMs: 10_000 } as const;

describe('runProgram', () => {
  test('returns the exit code and everything that was written', async () => {
    const end = await runProgram(['sh', '-c', 'echo out; echo err >&2; exit 3'], quick);
    expect(end.code).toBe(3);
    expect(end.output.split('\n').sort()).toEqual(['', 'err', 'out']);
  });

  test('says that a program does not exist', async () => {
    const end = await runProgram(['no-such-program-here'], quick);
    expect(end.code).toBeUndefined();
    expect(end.reason).toMatch(/no-such-program-here cannot be started: .*ENOENT/);
  });

  test('says which signal ended a program', async () => {
    const end = await runProgram(['sh', '-c', 'kill -9 $$'], quick);
    expect(end).toMatchObject({ code: undefined, reason: 'sh was killed by SIGKILL' });
  });

  test('kills a program that takes too long, even when its children hold its output open', async () => {
    const start = performance.now();
    const end = await runProgram(['sh', '-c', 'sleep 5 & sleep 5'], { ...quick, timeoutMs: 200 });
    expect(end).toMatchObject({ code: undefined, reason: 'sh was killed after 0.2 s' });
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
