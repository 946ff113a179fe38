import type { ConformanceTest } from '../conformance/conformance-test.ts';
import type { TestCounts } from '../counts/test-counts.ts';
import type { MeasuredTest } from '../figures/measured-test.ts';

/** Tests that need the same surroundings. */
export interface Tier {
  /** Selects the tier on the command line. */
  readonly name: string;
  /** What it needs, in words. */
  readonly needs: string;
  /**
   * The tests that are left when only paths that contain one of the filters count; all without filters.
   *
   * @returns paths relative to the repository, or names where a test is no file
   */
  tests(filters: readonly string[]): readonly string[];
  /** Whether it runs while the others do, because it neither disturbs them nor minds being slowed down. */
  readonly besideOthers?: boolean;
  /**
   * Why the tier cannot run here, in words with the remedy; undefined when it can. May fetch what the tier needs.
   *
   * @param show is given what is worth reading meanwhile
   */
  obstacle(show: (text: string) => void): Promise<string | undefined>;
  /** How many tests these are, at least, without running them. */
  size(tests: readonly string[]): Promise<number>;
  /**
   * Runs these tests. Never rejects: a crash counts as a failure.
   *
   * @param show is given their progress, in pieces as they come
   */
  run(tests: readonly string[], show: (text: string) => void): Promise<TierOutcome>;
}

/** How a tier ended. */
export interface TierOutcome {
  readonly counts: TestCounts;
  /** Those of the tests that belong to a numbered check. */
  readonly conformance?: readonly ConformanceTest[];
  /** Those of the tests that have measured something. */
  readonly measured?: readonly MeasuredTest[];
  /** What the counts do not say. */
  readonly note?: string;
}
