import { runProgram } from '../programs/run-program.ts';
import type { Check } from './check.ts';

/** A program that takes longer than this hangs. */
const timeoutMs = 240_000;

/**
 * A check that is one program: exit code 0 means that all is well, otherwise its output says what is wrong.
 *
 * @param command the command line, or a function that prepares and returns it
 */
export function programCheck(
  name: string,
  remedy: string,
  command: readonly string[] | (() => Promise<readonly string[]>),
): Check {
  return {
    name,
    remedy,
    async problem() {
      const line = typeof command === 'function' ? await command() : command;
      const end = await runProgram(line, { timeoutMs });
      if (end.code === 0) return undefined;
      return [end.output.trim(), end.reason ?? `exit code ${end.code}`].filter(Boolean).join('\n');
    },
  };
}
