import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { wordsOf } from '@patchbay/lab';

const run = promisify(execFile);
const sources = resolve(import.meta.dirname, '../../c');
const flags = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-Werror'];

/** A C compiler. */
export interface Compiler {
  /** Its name, or its path inside the root. */
  readonly program: string;
  /** Directory that it must be changed to, as it brings its own libraries; none for the machine's own. */
  readonly root?: string;
  /** Its version, for the report. */
  readonly description: string;
}

/** The compiled programs, as absolute paths. */
export interface CompiledPrograms {
  readonly attach: string;
  readonly launch: string;
  readonly relay: string;
}

/**
 * Compiles the C programs, with optimisation and with warnings as errors.
 *
 * @param directory where they go; made when missing
 * @throws Error with the compiler's words
 */
export async function compilePrograms(compiler: Compiler, directory: string): Promise<CompiledPrograms> {
  mkdirSync(directory, { recursive: true });
  const [attach, launch, relay] = await Promise.all([
    compile(compiler, 'attach', directory),
    compile(compiler, 'launch', directory),
    compile(compiler, 'relay', directory),
  ]);
  return { attach, launch, relay };
}

async function compile({ program, root }: Compiler, name: string, directory: string): Promise<string> {
  const source = join(sources, `${name}.c`);
  const output = join(directory, name);
  try {
    if (root === undefined) {
      await run(program, [...flags, '-o', output, source]);
    } else {
      copyFileSync(source, join(root, `${name}.c`));
      // The machine may have another C library.
      await run('chroot', [root, program, ...flags, '-static', '-o', `/${name}`, `/${name}.c`]);
      copyFileSync(join(root, name), output);
    }
  } catch (error) {
    throw new Error(`${name}.c cannot be compiled: ${wordsOf(error)}`, { cause: error });
  }
  return output;
}
