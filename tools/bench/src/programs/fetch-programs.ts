import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  AptWorkspace,
  debianArchive,
  type DebianPackage,
  fetchOnce,
  LabUnavailableError,
  unpackPackages,
  wordsOf,
} from '@patchbay/lab';
import type { Compiler } from './compile-programs.ts';
import type { IpProgram } from './find-programs.ts';

const cache = resolve(import.meta.dirname, '../../../../.cache/lab');
const suite = 'bookworm';
const marker = 'complete';

/**
 * Makes Debian's gcc available under `.cache/lab/gcc`, with all that it needs down to the C library, without installing anything.
 *
 * @throws LabUnavailableError when it cannot be had
 */
export async function fetchCompiler(): Promise<Compiler> {
  const { root, version } = await fetchPackages('gcc', ['gcc', 'libc6-dev'], () => true);
  return { program: 'gcc', root, description: `Debian's gcc ${version} -O2 -static` };
}

/** Makes Debian's ip(8) available under `.cache/lab/iproute2`, on the machine's C library; errors as of {@link fetchCompiler}. */
export async function fetchIp(): Promise<IpProgram> {
  const { root, version } = await fetchPackages('iproute2', ['iproute2'], ({ name }) => name !== 'libc6');
  const libraries = globSync('{usr/lib,lib}/*-linux-gnu', { cwd: root }).map((path) => join(root, path));
  const [path] = globSync('{usr/,}{s,}bin/ip', { cwd: root });
  if (path === undefined) throw new Error(`Debian's iproute2 ${version} has no ip`);
  return {
    path: join(root, path),
    environment: { LD_LIBRARY_PATH: libraries.join(':') },
    description: `Debian's iproute2 ${version}`,
  };
}

async function fetchPackages(
  what: string,
  packages: readonly string[],
  wanted: (each: DebianPackage) => boolean,
): Promise<{ readonly root: string; readonly version: string }> {
  const archive = debianArchive();
  const progress = (message: string) => void process.stderr.write(`bench: ${message}\n`);
  const directory = join(cache, what);
  const version = await fetchOnce({
    ...{ what, directory, progress },
    open: (path) => (existsSync(join(path, marker)) ? readFileSync(join(path, marker), 'utf8') : undefined),
    async make(fresh) {
      try {
        progress(`fetching ${what} from ${archive.uri} …`);
        const apt = await AptWorkspace.open(join(fresh, 'apt'), archive, [suite]);
        const debs: DebianPackage[] = [];
        for (const name of packages) debs.push(...(await apt.downloadComplete(name, suite)));
        await unpackPackages(debs.filter(wanted), join(fresh, 'root'));
        rmSync(join(fresh, 'apt'), { recursive: true });
        writeFileSync(join(fresh, marker), debs.find(({ name }) => name === packages[0])?.version ?? '');
      } catch (error) {
        throw new LabUnavailableError(
          `cannot fetch ${what} from ${archive.uri}: ${wordsOf(error)}`,
          `install ${what}, or make apt-get able to read the suite ${suite} of a Debian archive`,
          { cause: error },
        );
      }
    },
  });
  return { root: join(directory, 'root'), version };
}
