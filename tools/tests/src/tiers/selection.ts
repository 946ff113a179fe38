import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { repository } from '../repository.ts';
import type { Tier } from './tier.ts';

/** What the command line of `npm test` asks for. */
export interface Selection {
  readonly tiers: readonly Tier[];
  /** Whether these are all that there are. */
  readonly allTiers: boolean;
  /** Parts of paths; tests count whose path contains one of them. All count without any. */
  readonly filters: readonly string[];
  /** Only say what there is. */
  readonly list: boolean;
  /** Names of tiers whose tests may be skipped without failing the run. */
  readonly maySkip: ReadonlySet<string>;
}

/** The command line is wrong; the message says how. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** One paragraph for people. */
const usage = `usage: npm test -- [TIER…] [PATH…] [--list] [--allow-skips TIER[,TIER…]]
  TIER  check, unit, proof, containerd-2, containerd-1.7, containerd (both), netns, vm, soak; all without any
  PATH  part of a path: only tests whose path contains it
  --list         say which tiers there are, what each needs, and whether it can run here
  --allow-skips  tiers that may be skipped; otherwise a skipped test fails the run`;

/**
 * Reads the command line.
 *
 * @param known all tiers
 * @throws UsageError
 */
export function selectTests(parameters: readonly string[], known: readonly Tier[]): Selection {
  const { values, positionals } = parse(parameters);
  const named = (word: string) =>
    known.filter((tier) => tier.name === word || tier.name.startsWith(`${word}-`));
  const words = positionals.filter((word) => named(word).length > 0);
  const tiers = known.filter(
    (tier) => words.length === 0 || words.some((word) => named(word).includes(tier)),
  );
  const skippable = (values['allow-skips'] ?? []).flatMap((list) => list.split(','));
  for (const word of skippable) {
    if (named(word).length === 0)
      throw new UsageError(`--allow-skips ${word}: there is no such tier\n${usage}`);
  }
  const filters = positionals.filter((word) => !words.includes(word)).map(asFilter);
  for (const filter of filters) {
    const path = join(repository, filter);
    if (existsSync(path) || tiers.some((tier) => tier.tests([filter]).length > 0)) continue;
    throw new UsageError(`'${filter}' is neither a tier nor part of a test's path\n${usage}`);
  }
  const maySkip = new Set(skippable.flatMap(named).map((tier) => tier.name));
  return { tiers, allTiers: tiers.length === known.length, filters, list: values.list ?? false, maySkip };
}

function parse(parameters: readonly string[]) {
  try {
    return parseArgs({
      args: [...parameters],
      allowPositionals: true,
      options: { list: { type: 'boolean' }, 'allow-skips': { type: 'string', multiple: true } },
    });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
  }
}

/** `./libs/netlink/` and `libs/netlink` mean that folder, not libs/netlink-more. */
function asFilter(word: string): string {
  const path = word.replace(/^\.\//, '').replace(/\/+$/, '');
  return statSync(join(repository, path), { throwIfNoEntry: false })?.isDirectory() ? `${path}/` : path;
}
