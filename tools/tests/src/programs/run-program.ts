import { spawn } from 'node:child_process';
import { repository } from '../repository.ts';

/** How {@link runProgram} runs a program. */
export interface RunProgramOptions {
  /** Milliseconds until the program is killed. */
  readonly timeoutMs: number;
  /** Is given the program's output as it comes, besides its being returned. */
  readonly show?: (text: string) => void;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How a program ended. */
export interface ProgramEnd {
  /** Exit code; undefined when it could not be started or was killed. */
  readonly code: number | undefined;
  /** Why there is no exit code, in words. */
  readonly reason?: string;
  /** What it wrote, standard output and error in the order of arrival, without colours. */
  readonly output: string;
}

/** Runs a program in the repository's root; it does not outlive this process. Never rejects: how it ended is the result. */
export function runProgram(command: readonly string[], options: RunProgramOptions): Promise<ProgramEnd> {
  const [program = '', ...parameters] = command;
  return new Promise((resolve) => {
    let output = '';
    let timedOut = false;
    const child = spawn(program, parameters, {
      cwd: repository,
      env: { ...process.env, ...options.env, NO_COLOR: '1', FORCE_COLOR: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => {
        output += text;
        options.show?.(text);
      });
    }
    const kill = () => void child.kill('SIGKILL');
    process.once('exit', kill);
    const timer = setTimeout(() => {
      timedOut = true;
      kill();
      // A grandchild may hold the pipes open for ever.
      child.stdout.destroy();
      child.stderr.destroy();
    }, options.timeoutMs);
    const end = (code: number | undefined, reason?: string) => {
      clearTimeout(timer);
      process.off('exit', kill);
      resolve({ code, output, ...(reason === undefined ? {} : { reason }) });
    };
    child.once('error', (error) => {
      end(undefined, `${program} cannot be started: ${error.message}`);
    });
    child.once('close', (code, signal) => {
      if (timedOut) end(undefined, `${program} was killed after ${options.timeoutMs / 1000} s`);
      else if (code === null) end(undefined, `${program} was killed by ${signal ?? 'a signal'}`);
      else end(code);
    });
  });
}
