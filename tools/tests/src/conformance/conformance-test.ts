/** A test of one of the numbered checks of Dynamic Resource Allocation: its title begins with `check NN: `. */
export interface ConformanceTest {
  /** Of the check, from 1. */
  readonly check: number;
  /** What the title says after the number. */
  readonly behaviour: string;
  readonly state: 'passed' | 'failed' | 'skipped';
  /** Path relative to the repository. */
  readonly file: string;
}

const title = /^check (?<check>\d+): (?<behaviour>.+)$/s;

/**
 * Tells the tests of numbered checks from others.
 *
 * @param state as vitest has it
 */
export function conformanceTest(test: {
  readonly title: string;
  readonly state: string;
  readonly file: string;
}): ConformanceTest[] {
  const { check, behaviour = '' } = title.exec(test.title)?.groups ?? {};
  if (check === undefined) return [];
  const state = test.state === 'passed' || test.state === 'failed' ? test.state : 'skipped';
  return [{ check: Number(check), behaviour, state, file: test.file }];
}
