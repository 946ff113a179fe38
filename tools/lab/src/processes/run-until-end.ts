import { spawn, type StdioOptions } from 'node:child_process';
import { constants } from 'node:os';

/** How {@link runUntilEnd} runs its program. */
export interface RunUntilEndOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Working directory; this process's by default. */
  readonly cwd?: string | undefined;
  readonly stdio: StdioOptions;
  /** Kills the program. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a program that does not outlive this process, however that ends.
 *
 * @returns the exit code; 128 + signal number when it was killed
 * @throws the error of starting setpriv(1)
 */
export async function runUntilEnd(command: readonly string[], options: RunUntilEndOptions): Promise<number> {
  const { signal, cwd, env, stdio } = options;
  // The kernel kills it when its parent dies, which no handler here could do after a SIGKILL.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
    env,
    stdio,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const kill = () => {
    child.kill('SIGKILL');
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const name of signals) process.once(name, kill);
  signal?.addEventListener('abort', kill, { once: true });
  if (signal?.aborted) kill();
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, killer) => {
        resolve(code ?? 128 + (killer === null ? 0 : constants.signals[killer]));
      });
    });
  } finally {
    for (const name of signals) process.off(name, kill);
    signal?.removeEventListener('abort', kill);
  }
}
