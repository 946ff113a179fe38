import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { repository } from '../repository.ts';
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
  name: join(repository, 'libs/dra/src/a.test.ts'),
  status,
  assertionResults: states.map((state) => ({ status: state, title: 'does something' })),
});
const files = (...testResults: object[]) => report(JSON.stringify({ testResults }));

describe('a vitest report', () => {
  test('counts what passed, failed and was skipped over all files', () => {
    const path = files(
      file('passed', 'passed', 'passed', 'skipped', 'todo'),
      file('failed', 'passed', 'failed', 'failed', 'pending'),
    );
    const counts = { passed: 3, failed: 2, skipped: 3 };
    expect(outcomeOf(path, { code: 1 })).toEqual({ counts, conformance: [], measured: [] });
  });

  test('counts a file that cannot be imported as one failure', () => {
    expect(outcomeOf(files(file('failed')), { code: 1 })).toEqual({
      counts: { passed: 0, failed: 1, skipped: 0 },
      conformance: [],
      measured: [],
    });
  });

  test('names the tests of numbered checks', () => {
    const states = ['passed', 'failed', 'pending'];
    const titles = ['check 7: sockets are gone', 'does something', 'check 12: N claims'];
    const assertionResults = titles.map((title, index) => ({ title, status: states[index] }));
    expect(outcomeOf(files({ ...file('failed'), assertionResults }), { code: 1 }).conformance).toEqual([
      { check: 7, behaviour: 'sockets are gone', state: 'passed', file: 'libs/dra/src/a.test.ts' },
      { check: 12, behaviour: 'N claims', state: 'skipped', file: 'libs/dra/src/a.test.ts' },
    ]);
  });

  test('takes over what tests have measured, with their suite', () => {
    const path = files({
      name: 'a.test.ts',
      status: 'passed',
      assertionResults: [
        {
          status: 'passed',
          title: 'reset',
          ancestorTitles: ['API server'],
          meta: { figures: { after: '1 s' } },
        },
        { status: 'passed', title: 'other', ancestorTitles: [], meta: {} },
      ],
    });
    expect(outcomeOf(path, { code: 0 }).measured).toEqual([
      { suite: 'API server', title: 'reset', figures: { after: '1 s' } },
    ]);
  });

  test('counts an error outside all tests as one failure', () => {
    expect(outcomeOf(files(file('passed', 'passed')), { code: 1 })).toEqual({
      counts: { passed: 1, failed: 1, skipped: 0 },
      conformance: [],
      measured: [],
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
