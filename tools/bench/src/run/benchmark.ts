import type { Figure } from '../figures/figure.ts';
import type { CompiledPrograms } from '../programs/compile-programs.ts';
import type { IpProgram } from '../programs/find-programs.ts';

/** Programs that the bench runs, and where it may write. */
export interface BenchTools {
  readonly programs: CompiledPrograms;
  readonly ip: IpProgram;
  /** Directory of the CNI reference plugins. */
  readonly cniPlugins: string;
  /** For temporary files; exists. */
  readonly directory: string;
}

/** Figures that are measured on one set-up. */
export interface Benchmark {
  /** All figures that it can measure. */
  readonly names: readonly string[];
  /**
   * Sets up, measures, and tidies up.
   *
   * @param wanted names of the figures that are asked for, at least one of its own
   * @param samples how many of the cheapest; its own number by default
   */
  run(wanted: ReadonlySet<string>, tools: BenchTools, samples?: number): AsyncIterable<Figure>;
}
