import { hookFigures } from '../hooks/hook-figures.ts';
import { eventFigures } from '../events/event-figures.ts';
import { hooksMemory } from '../memory/hooks-memory.ts';
import { sandboxFigures } from '../sandboxes/sandbox-figures.ts';
import { startFigures } from '../start/start-figures.ts';
import type { Benchmark } from './benchmark.ts';

/** Every benchmark, in the order in which they run. */
export const allBenchmarks: readonly Benchmark[] = [
  hookFigures,
  sandboxFigures,
  eventFigures,
  startFigures,
  hooksMemory,
];

/**
 * Names of the figures that are asked for: those that a pattern names, or that begin with it.
 *
 * @param only none means all
 * @throws RangeError for a pattern that names nothing
 */
export function wantedFigures(
  only: readonly string[],
  benchmarks: readonly Pick<Benchmark, 'names'>[] = allBenchmarks,
): ReadonlySet<string> {
  const names = benchmarks.flatMap((benchmark) => benchmark.names);
  if (only.length === 0) return new Set(names);
  const found = only.map((pattern) => names.filter((name) => name === pattern || name.startsWith(pattern)));
  const missing = only.find((_, index) => found[index]?.length === 0);
  if (missing !== undefined)
    throw new RangeError(`no figure is called ${missing} or begins so; there are: ${names.join(' ')}`);
  return new Set(found.flat());
}
