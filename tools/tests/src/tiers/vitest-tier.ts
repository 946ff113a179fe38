import { globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { nodeTool } from '../programs/node-program.ts';
import { runProgram } from '../programs/run-program.ts';
import { repository } from '../repository.ts';
import type { Tier, TierOutcome } from './tier.ts';
import { outcomeOf } from './vitest-report.ts';

/** A tier that hangs must not hang everything; the slowest one takes a third of this. */
const timeoutMs = 10 * 60_000;

/** Where vitest writes its reports: the one folder of the checkout that surroundings must let tests write to. */
export const reportDirectory = join(repository, '.cache/tests');

const suffixed = /\.(netns|containerd|vm)\.test\.ts$/;

/** Where a vitest tier differs from others. */
export interface VitestTierOptions {
  readonly name: string;
  readonly needs: string;
  /** The project in `vitest.config.ts`, which is also the suffix of its files but for `unit`. */
  readonly project: 'unit' | 'netns' | 'containerd' | 'vm';
  /** Parts of the paths of the only tests that this tier runs; all of the project by default. */
  readonly only?: readonly string[];
  /** Parts of the paths of tests that another tier runs, because these surroundings make no difference to them. */
  readonly leavesOut?: readonly string[];
  /** Put before the command line: enters the surroundings that the tests need. */
  readonly enter?: readonly string[];
  obstacle(show: (text: string) => void): Promise<string | undefined>;
  /** See {@link Tier.besideOthers}. */
  readonly besideOthers?: boolean;
}

/** Tests that one vitest project finds. */
export class VitestTier implements Tier {
  readonly name: string;
  readonly needs: string;
  readonly besideOthers: boolean;
  readonly #options: VitestTierOptions;

  constructor(options: VitestTierOptions) {
    this.name = options.name;
    this.needs = options.needs;
    this.besideOthers = options.besideOthers ?? false;
    this.#options = options;
  }

  tests(filters: readonly string[]): readonly string[] {
    const paths = globSync('{apps,libs,tools,examples}/**/src/**/*.test.ts', {
      cwd: repository,
      exclude: (path) => path === 'node_modules' || path === 'dist' || path.endsWith('/node_modules'),
    });
    return paths
      .filter((path) => (suffixed.exec(path)?.[1] ?? 'unit') === this.#options.project)
      .filter((path) => this.#options.only?.some((part) => path.includes(part)) ?? true)
      .filter((path) => !this.#options.leavesOut?.some((part) => path.includes(part)))
      .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
      .sort();
  }

  obstacle(show: (text: string) => void): Promise<string | undefined> {
    return this.#options.obstacle(show);
  }

  async size(tests: readonly string[]): Promise<number> {
    const file = this.#file('list');
    // A tier that cannot run may not even be importable, so its files are only parsed.
    await runProgram(
      nodeTool(
        'vitest',
        'list',
        '--project',
        this.#options.project,
        '--static-parse',
        `--json=${file}`,
        ...tests,
      ),
      { timeoutMs: 60_000 },
    );
    try {
      return z.array(z.unknown()).parse(JSON.parse(readFileSync(file, 'utf8'))).length;
    } catch {
      return tests.length;
    }
  }

  async run(tests: readonly string[], show: (text: string) => void): Promise<TierOutcome> {
    const report = this.#file('report');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    const strict = ['--allowOnly=false', '--silent=passed-only'];
    const command = nodeTool(
      'vitest',
      'run',
      '--project',
      this.#options.project,
      ...reporters,
      ...strict,
      ...tests,
    );
    const end = await runProgram([...(this.#options.enter ?? []), ...command], { timeoutMs, show });
    return outcomeOf(report, end);
  }

  /** A file of this process alone, as several runs may share a checkout; removed when the process ends. */
  #file(kind: string): string {
    mkdirSync(reportDirectory, { recursive: true });
    const file = join(reportDirectory, `${this.name}.${kind}.${process.pid}.json`);
    process.once('exit', () => {
      rmSync(file, { force: true });
    });
    return file;
  }
}
