import { isDeepStrictEqual } from 'node:util';
import type { BenchBackend } from '../links/bench-backends.ts';
import type { PlannedLink } from '../links/planned-link.ts';
import { essentials } from '../links/pod-state.ts';
import type { Contestant } from './contestant.ts';

/** How often {@link compare} goes round. */
export interface Rounds {
  /** Not counted: caches fill, and the driver's code is compiled. */
  readonly warmUp: number;
  readonly counted: number;
}

/**
 * Has contestants do the same in turn, each round in another order, so that none is always the one after a certain other.
 *
 * @returns milliseconds by contestant
 * @throws Error when one of them gives the pod something else than the first did
 */
export async function compare(
  contestants: readonly Contestant[],
  backend: BenchBackend,
  links: readonly PlannedLink[],
  { warmUp, counted }: Rounds,
): Promise<ReadonlyMap<string, readonly number[]>> {
  let expected: readonly string[] | undefined;
  const samples = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = -warmUp; round < counted; round++) {
    const begun = round + warmUp;
    // Whoever sits out rounds must not begin those that are left each time either.
    const first = begun + Math.floor(begun / contestants.length);
    const turn = contestants.map((_, index) => contestants[(index + first) % contestants.length]);
    for (const contestant of turn) {
      if (contestant === undefined || (round >= 0 ? round : begun) % contestant.every !== 0) continue;
      const milliseconds = await contestant.attach(backend, links);
      const made = essentials(contestant.host.podState());
      await contestant.detach(backend, links);
      expected ??= made;
      if (!isDeepStrictEqual(made, expected))
        throw new Error(
          `${contestant.name} has made\n${made.join('\n')}\ninstead of\n${expected.join('\n')}`,
        );
      if (round >= 0) samples.get(contestant.name)?.push(milliseconds);
    }
  }
  return samples;
}
