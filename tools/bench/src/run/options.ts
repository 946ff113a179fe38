import { Command, CommanderError, InvalidArgumentError } from 'commander';

/** What the user asks for. */
export interface BenchOptions {
  /** Where the JSON goes. */
  readonly json?: string;
  /** Where the page of the documentation goes. */
  readonly page?: string;
  /** Beginnings of figures' names; none means all. */
  readonly only: readonly string[];
  readonly samples?: number;
  /** Whether to compare with Debian's compiler and ip(8) even where the machine has its own. */
  readonly fetched: boolean;
}

/**
 * Reads the command line.
 *
 * @throws CommanderError when it is wrong, or when help was asked for, after that was shown
 */
export function parseOptions(parameters: readonly string[]): BenchOptions {
  const command = new Command('npm run bench --')
    .description('Measures the driver against its rivals, each figure paired in one run.')
    .option('--json <file>', 'write the figures there, too')
    .option('--page <file>', 'write the figures there as a page of the documentation, too')
    .option(
      '--only <name>',
      'figures that are called or begin like this; repeatable',
      (value, all: string[]) => [...all, value],
      [],
    )
    .option('--samples <number>', 'samples of the cheapest figures; others take fewer', wholeNumber)
    .option('--fetched', "take Debian's gcc and ip, also where the machine has its own", false)
    .allowExcessArguments(false)
    .exitOverride()
    .parse(parameters, { from: 'user' });
  return command.opts<BenchOptions>();
}

/** Whether the command line was in order and has been answered, as with `--help`. */
export function isAnswered(error: unknown): boolean {
  return error instanceof CommanderError && error.exitCode === 0;
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('write a number from 1 on');
  return number;
}
