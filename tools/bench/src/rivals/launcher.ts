import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LineProgram } from './line-program.ts';

/** A program to be started. */
export interface Launch {
  /** Absolute path and parameters. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** File that is its standard input; none by default. */
  readonly input?: string;
}

/** Starts programs from a small process (`c/launch.c`), which times them. */
export class Launcher {
  readonly #program: LineProgram;
  readonly #output: string;

  /**
   * @param program path of the compiled launcher
   * @param namespace path of the network namespace that programs run in
   * @param directory for what programs write
   */
  constructor(program: string, namespace: string, directory: string) {
    this.#program = new LineProgram(program, [namespace]);
    this.#output = join(directory, 'output');
  }

  /**
   * Runs a program to its end.
   *
   * @returns milliseconds from before its start to after its end
   * @throws Error with what it wrote when it fails
   */
  async run({ command, environment = {}, input = '/dev/null' }: Launch): Promise<number> {
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const answer = await this.#program.ask([input, this.#output, ...variables, ...command].join('\t'));
    const [nanoseconds, status] = answer.split(' ').map(Number);
    if (status !== 0 || nanoseconds === undefined)
      throw new Error(
        `${command.join(' ')} failed (status ${status}): ${readFileSync(this.#output, 'utf8')}`,
      );
    return nanoseconds / 1e6;
  }

  close(): Promise<void> {
    return this.#program.close();
  }
}
