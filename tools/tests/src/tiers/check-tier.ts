import { allChecks } from '../checks/all-checks.ts';
import { runChecks } from '../checks/run-checks.ts';
import type { Tier, TierOutcome } from './tier.ts';

/** `npm run check` as a tier: each check counts as one test. Checks look at all sources, so a filter leaves none. */
export const checkTier: Tier = {
  name: 'check',
  needs: 'nothing',
  tests: (filters) => (filters.length === 0 ? allChecks.map((check) => check.name) : []),
  obstacle: () => Promise.resolve(undefined),
  size: (tests) => Promise.resolve(tests.length),
  async run(tests, show): Promise<TierOutcome> {
    const checks = allChecks.filter((check) => tests.includes(check.name));
    return {
      counts: await runChecks(checks, (line) => {
        show(`${line}\n`);
      }),
    };
  },
};
