import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DebianArchive } from './debian-archive.ts';

const run = promisify(execFile);

/** What a deb file holds. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** Path of the file. */
  readonly file: string;
}

/**
 * An apt with lists, cache and status of its own, so that the machine's packages and sources play no part and nothing is installed. For it no
 * package is installed: what it downloads with dependencies is complete.
 */
export class AptWorkspace {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#environment = { ...process.env, APT_CONFIG: join(directory, 'apt.conf'), LC_ALL: 'C' };
  }

  /**
   * Reads the package lists of some suites.
   *
   * @param directory made for the workspace; everything is below it
   * @throws Error with apt's words in `stderr`
   */
  static async open(
    directory: string,
    archive: DebianArchive,
    suites: readonly string[],
  ): Promise<AptWorkspace> {
    for (const path of ['lists/partial', 'cache/archives/partial', 'parts']) {
      mkdirSync(join(directory, path), { recursive: true });
    }
    const signed = archive.signedBy === undefined ? '' : `[signed-by=${archive.signedBy}] `;
    const sources = suites.map((suite) => `deb ${signed}${archive.uri} ${suite} main\n`);
    writeFileSync(join(directory, 'status'), '');
    writeFileSync(join(directory, 'sources.list'), sources.join(''));
    writeFileSync(join(directory, 'apt.conf'), configuration(directory));
    const workspace = new AptWorkspace(directory);
    await workspace.#run('apt-get', ['-qq', 'update']);
    return workspace;
  }

  /** Names of all packages that begin like this. */
  async names(prefix: string): Promise<readonly string[]> {
    const output = await this.#run('apt-cache', ['pkgnames', prefix]);
    return output.split('\n').filter((name) => name !== '');
  }

  /**
   * Downloads packages without those that they depend on.
   *
   * @param packages `name`, or `name/suite`
   */
  async download(packages: readonly string[]): Promise<readonly DebianPackage[]> {
    const debs = this.#emptyDirectory();
    // It downloads to the working directory.
    await this.#run('apt-get', ['-qq', 'download', ...packages], debs);
    return describe(debs);
  }

  /** Downloads a package with all that it needs to run, down to the C library. */
  async downloadComplete(name: string, suite: string): Promise<readonly DebianPackage[]> {
    const debs = this.#emptyDirectory();
    mkdirSync(join(debs, 'partial'));
    const settings = [`-oDir::Cache::archives=${debs}`, '-oAPT::Install-Recommends=false'];
    const options = ['-qq', '--yes', '--download-only', `--target-release=${suite}`];
    await this.#run('apt-get', [...settings, ...options, 'install', name]);
    return describe(debs);
  }

  #emptyDirectory(): string {
    const directory = join(this.#directory, `debs-${readdirSync(this.#directory).length}`);
    mkdirSync(directory);
    return directory;
  }

  async #run(program: string, parameters: readonly string[], cwd = this.#directory): Promise<string> {
    const { stdout } = await run(program, parameters, { cwd, env: this.#environment, maxBuffer: 1 << 26 });
    return stdout;
  }
}

async function describe(directory: string): Promise<readonly DebianPackage[]> {
  const files = readdirSync(directory).filter((name) => name.endsWith('.deb'));
  return Promise.all(
    files.map(async (entry) => {
      const file = join(directory, entry);
      const { stdout } = await run('dpkg-deb', ['--showformat=${Package} ${Version}', '--show', file]);
      const [name = '', version = ''] = stdout.trim().split(' ');
      return { name, version, file };
    }),
  );
}

/** Unpacks packages over each other; no script of theirs runs. */
export async function unpackPackages(packages: readonly DebianPackage[], directory: string): Promise<void> {
  for (const { file } of packages) await run('dpkg-deb', ['--extract', file, directory]);
}

function configuration(directory: string): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::Etc::SourceList': join(directory, 'sources.list'),
    'Dir::Etc::SourceParts': join(directory, 'parts'),
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': join(directory, 'parts'),
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::State::status': join(directory, 'status'),
    'Dir::Cache': join(directory, 'cache'),
    'Acquire::Languages': 'none',
    // By default an archive that cannot be reached is only a warning, and the error comes later and misleads.
    'APT::Update::Error-Mode': 'any',
    'APT::Sandbox::User': 'root',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} "${value}";\n`)
    .join('');
}
