import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { outcomeOf } from './vitest-report.ts';

function report(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'report-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true });
  });
  writeFileSync(join(directory, 'report.json'), text);
  return join(directory, 'report.json');
}

const file = (status: string, ...states: string[]) => ({
  status,
  assertionResults: states.map((state) => ({ status: state })),
});
const files = (...testResults: object[]) => report(JSON.stringify({ testResults }));

describe('a vitest report', () => {
  test('counts what passed, failed and was skipped over all files', () => {
    const path = files(
      file('passed', 'passed', 'passed', 'skipped', 'todo'),
      file('failed', 'passed', 'failed', 'failed', 'pending'),
    );
    expect(outcomeOf(path, { code: 1 })).toEqual({ counts: { passed: 3, failed: 2, skipped: 3 } });
  });

  test('counts a file that cannot be imported as one failure', () => {
    expect(outcomeOf(files(file('failed')), { code: 1 })).toEqual({
      counts: { passed: 0, failed: 1, skipped: 0 },
    });
  });

  test('counts an error outside all tests as one failure', () => {
    expect(outcomeOf(files(file('passed', 'passed')), { code: 1 })).toEqual({
      counts: { passed: 1, failed: 1, skipped: 0 },
      note: 'no test failed, but vitest ended with exit code 1',
    });
  });

  test.each([
    ['is missing', () => '/nonexistent/report.json'],
    ['is cut off', () => report('{"testResults":[{"sta')],
    ['is something else', () => report('[]')],
  ])('that %s is a crash and counts as one failure', (_how, path) => {
    expect(outcomeOf(path(), { code: undefined, reason: 'vitest was killed by SIGKILL' })).toEqual({
      counts: { passed: 0, failed: 1, skipped: 0 },
      note: 'crashed: vitest was killed by SIGKILL and left no report',
    });
  });
});
