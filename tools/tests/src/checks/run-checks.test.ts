import { expect, test } from 'vitest';
import type { Check } from './check.ts';
import { runChecks } from './run-checks.ts';

const check = (name: string, problem: () => Promise<string | undefined>): Check => ({
  name,
  remedy: `mend ${name}`,
  problem,
});

async function outcome(...checks: Check[]) {
  const printed: string[] = [];
  const counts = await runChecks(checks, (text) => printed.push(text));
  return { counts, printed: printed.join('\n') };
}

test('a check that finds nothing is one line', async () => {
  const { counts, printed } = await outcome(check('types', () => Promise.resolve(undefined)));
  expect(counts).toEqual({ passed: 1, failed: 0, skipped: 0 });
  expect(printed).toMatch(/^✓ types +\d+\.\d s$/);
});

test('a check that fails prints what is wrong and what to do', async () => {
  const { counts, printed } = await outcome(check('types', () => Promise.resolve('a.ts is wrong\nb.ts too')));
  expect(counts).toEqual({ passed: 0, failed: 1, skipped: 0 });
  expect(printed).toMatch(/^✗ types .*\n {4}a\.ts is wrong\n {4}b\.ts too\n {4}remedy: mend types$/);
});

test('a check that crashes counts as failed', async () => {
  const { counts, printed } = await outcome(
    check('types', () => Promise.reject(new Error('no compiler'))),
    check('lint', () => Promise.resolve(undefined)),
  );
  expect(counts).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(printed).toContain('the check itself failed: no compiler');
});

test('two checks run at once, never more', async () => {
  let running = 0;
  let most = 0;
  const slow = check('slow', async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    running--;
    return undefined;
  });
  await outcome(slow, slow, slow, slow, slow);
  expect(most).toBe(2);
});
