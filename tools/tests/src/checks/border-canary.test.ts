import { expect, test } from 'vitest';
import { borderCanary } from './border-canary.ts';

test('the borders between projects hold as the sources stand', { timeout: 60_000 }, async () => {
  expect(await borderCanary().problem()).toBeUndefined();
});

test('the canary notices rules that stopped biting', { timeout: 60_000 }, async () => {
  const blunt = borderCanary({
    overrideConfig: [{ files: ['**/*.ts'], rules: { '@nx/enforce-module-boundaries': 'off' } }],
  });
  const problem = await blunt.problem();
  expect(problem).toContain('libs/nri/src/canary.ts must not import @patchbay/netlink');
  expect(problem).toContain('libs/core/src/canary.ts must not import @patchbay/backend-veth');
  expect(problem).not.toContain('tsyringe');
});

test('the canary notices rules that object to everything', { timeout: 60_000 }, async () => {
  const zealous = borderCanary({
    overrideConfig: [{ files: ['**/*.ts'], rules: { 'no-restricted-imports': ['error', '@patchbay/core'] } }],
  });
  expect(await zealous.problem()).toBe(
    'libs/backend-veth/src/canary.ts may import @patchbay/core, but lint objects: no-restricted-imports',
  );
});
