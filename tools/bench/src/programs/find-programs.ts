import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Compiler } from './compile-programs.ts';
import { fetchCompiler, fetchIp } from './fetch-programs.ts';

const run = promisify(execFile);

/** iproute2's ip(8). */
export interface IpProgram {
  /** Absolute path. */
  readonly path: string;
  /** What it needs to run. */
  readonly environment: Readonly<Record<string, string>>;
  /** Its version, for the report. */
  readonly description: string;
}

/**
 * The machine's own gcc, or Debian's, which is fetched then.
 *
 * @param fetched whether to take Debian's in any case
 * @throws LabUnavailableError when it cannot be had
 */
export async function findCompiler(fetched = false): Promise<Compiler> {
  return (fetched ? undefined : await installedCompiler()) ?? fetchCompiler();
}

/** The machine's own gcc; undefined when it has none. */
export async function installedCompiler(): Promise<Compiler | undefined> {
  const version = await versionOf('gcc', '--version');
  return version === undefined ? undefined : { program: 'gcc', description: `${version} -O2` };
}

/** The machine's own ip(8), or Debian's; parameter and errors as of {@link findCompiler}. */
export async function findIp(fetched = false): Promise<IpProgram> {
  return (fetched ? undefined : await installedIp()) ?? fetchIp();
}

/** The machine's own ip(8) of iproute2; undefined when it has none. */
export async function installedIp(): Promise<IpProgram | undefined> {
  const path = await versionOf('sh', '-c', 'command -v ip');
  // Busybox has an ip too, which knows neither batches nor namespaces.
  const version = path === undefined ? undefined : await versionOf(path, '-V');
  if (path === undefined || version?.includes('iproute2') !== true) return undefined;
  return { path, environment: {}, description: version };
}

/** The first line that a program writes; undefined when it is not there. */
async function versionOf(program: string, ...parameters: readonly string[]): Promise<string | undefined> {
  const output = await run(program, parameters).catch(() => undefined);
  return output?.stdout.split('\n')[0];
}
