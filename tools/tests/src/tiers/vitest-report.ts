import { existsSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { z } from 'zod';
import { conformanceTest } from '../conformance/conformance-test.ts';
import type { ConformanceTest } from '../conformance/conformance-test.ts';
import type { MeasuredTest } from '../figures/measured-test.ts';
import type { ProgramEnd } from '../programs/run-program.ts';
import { repository } from '../repository.ts';
import type { TierOutcome } from './tier.ts';

/** What vitest's JSON reporter writes, as far as it matters here. */
const reportSchema = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(
        z.object({
          status: z.string(),
          title: z.string(),
          ancestorTitles: z.array(z.string()).default([]),
          meta: z.object({ figures: z.record(z.string(), z.string()).optional() }).default({}),
        }),
      ),
    }),
  ),
});

/**
 * Counts what vitest reports. A file that fails outside its tests (it cannot be imported, a hook fails) counts as one failure, and so
 * does a run that fails without a failed test or leaves no report.
 *
 * @param report path of the JSON report
 * @param end how vitest ended
 */
export function outcomeOf(report: string, end: Pick<ProgramEnd, 'code' | 'reason'>): TierOutcome {
  const how = end.reason ?? `vitest ended with exit code ${end.code}`;
  const parsed = reportSchema.safeParse(readReport(report));
  if (!parsed.success) {
    return { counts: { passed: 0, failed: 1, skipped: 0 }, note: `crashed: ${how} and left no report` };
  }
  let [passed, failed, skipped] = [0, 0, 0];
  const conformance: ConformanceTest[] = [];
  const measured: MeasuredTest[] = [];
  for (const file of parsed.data.testResults) {
    const states = file.assertionResults.map((test) => test.status);
    const failures = states.filter((state) => state === 'failed').length;
    const passes = states.filter((state) => state === 'passed').length;
    passed += passes;
    failed += failures > 0 || file.status !== 'failed' ? failures : 1;
    skipped += states.length - passes - failures;
    const path = relative(repository, file.name);
    for (const { title, status, ancestorTitles, meta } of file.assertionResults) {
      conformance.push(...conformanceTest({ title, state: status, file: path }));
      if (meta.figures) measured.push({ suite: ancestorTitles.join(': '), title, figures: meta.figures });
    }
  }
  const found = { conformance, measured };
  if (end.code === 0 || failed > 0) return { counts: { passed, failed, skipped }, ...found };
  return { counts: { passed, failed: 1, skipped }, ...found, note: `no test failed, but ${how}` };
}

function readReport(path: string): unknown {
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    // Half a report is what a killed vitest leaves.
    return undefined;
  }
}
