import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sources = resolve(import.meta.dirname, '../../c');

/** A C compiler that runs here. */
export interface Compiler {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** For the report. */
  readonly description: string;
}

/** The compiled programs, as absolute paths. */
export interface CompiledPrograms {
  readonly attach: string;
  readonly launch: string;
}

/**
 * Compiles the C programs.
 *
 * @param directory where they go
 * @throws Error with the compiler's words
 */
export async function compilePrograms(compiler: Compiler, directory: string): Promise<CompiledPrograms> {
  mkdirSync(directory, { recursive: true });
  const compile = async (name: string) => {
    const output = join(directory, name);
    const [program = 'cc', ...parameters] = [...compiler.command, '-o', output, join(sources, `${name}.c`)];
    await run(program, parameters, { env: { ...process.env, ...compiler.environment } });
    return output;
  };
  return { attach: await compile('attach'), launch: await compile('launch') };
}

/** The machine's own compiler; undefined when it has none. */
export async function installedCompiler(): Promise<Compiler | undefined> {
  for (const program of ['gcc', 'cc', 'clang']) {
    const version = await run(program, ['--version']).catch(() => undefined);
    const description = version?.stdout.split('\n')[0];
    if (description === undefined) continue;
    return { command: [program, ...strictly], description: `${description} -O2` };
  }
  return undefined;
}

const strictly = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];
