import type { BenchTools } from './benchmark.ts';

/** What the process outside of the lab has the one inside do. */
export interface Job {
  readonly tools: BenchTools;
  /** Names of figures. */
  readonly wanted: readonly string[];
  readonly samples?: number;
  /** File that the figures are written to. */
  readonly results: string;
}

/** Reads a job that this program itself has written. */
export function parseJob(text: string): Job {
  return JSON.parse(text) as Job;
}
