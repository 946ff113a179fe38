import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { markerFile, openContainerdTools } from './containerd-tools.ts';
import type { ContainerdSeries, ContainerdTools, ToolsMarker } from './containerd-tools.ts';
import { debianArchive } from './debian-archive.ts';
import type { DebianArchive } from './debian-archive.ts';
import { withFileLock } from './file-lock.ts';
import { LabUnavailableError } from './lab-unavailable-error.ts';
import { testImageArchive } from './test-image.ts';

const run = promisify(execFile);
const repository = resolve(import.meta.dirname, '../../../..');

/**
 * Packages by series, with the suite that each comes from. Newer runc needs a newer libc than Debian 12 has; older CNI plugins need
 * iptables. Versions are whatever the suite has: the marker file records them.
 */
const packages: Readonly<Record<ContainerdSeries, Readonly<Record<string, string>>>> = {
  '2': {
    containerd: 'sid',
    'containernetworking-plugins': 'sid',
    runc: 'bookworm',
    'busybox-static': 'bookworm',
  },
  '1.7': {
    containerd: 'trixie',
    'containernetworking-plugins': 'sid',
    runc: 'bookworm',
    'busybox-static': 'bookworm',
  },
};

/** How {@link fetchContainerd} works; everything has a default. */
export interface FetchOptions {
  /** Where runtimes are kept; `.cache/lab` of this repository by default. */
  readonly cache?: string;
  /** Where packages come from; the Debian archive of this machine's apt by default. */
  readonly archive?: DebianArchive;
  /** Told what is going on; standard error by default. */
  readonly onProgress?: (message: string) => void;
}

/**
 * Makes containerd, runc, the CNI plugins, busybox and the test image available under `<cache>/containerd-<series>`, without installing
 * anything: packages are downloaded with an apt state of their own and unpacked. Returns at once when that was done before; concurrent
 * calls, also of other processes, wait for each other. Needs apt and dpkg, and takes about ten seconds.
 *
 * @throws LabUnavailableError when packages cannot be had or do not run here
 */
export async function fetchContainerd(
  series: ContainerdSeries,
  options: FetchOptions = {},
): Promise<ContainerdTools> {
  const cache = options.cache ?? join(repository, '.cache/lab');
  const directory = join(cache, `containerd-${series}`);
  const ready = openContainerdTools(directory);
  if (ready) return ready;
  const progress = options.onProgress ?? ((message) => void process.stderr.write(`lab: ${message}\n`));
  mkdirSync(cache, { recursive: true });
  const work = async (): Promise<ContainerdTools> => {
    const meanwhile = openContainerdTools(directory);
    if (meanwhile) return meanwhile;
    const fresh = `${directory}.new`;
    rmSync(fresh, { recursive: true, force: true });
    await unpack(series, fresh, options.archive ?? debianArchive(), progress);
    rmSync(directory, { recursive: true, force: true });
    renameSync(fresh, directory);
    const tools = openContainerdTools(directory);
    if (!tools) throw new Error(`${markerFile(directory)} is unreadable just after it was written`);
    await proveThatTheyRun(tools);
    progress(`containerd ${tools.packages['containerd'] ?? series} is ready in ${directory}`);
    return tools;
  };
  return withFileLock(`${directory}.lock`, work, () => {
    progress('another process is fetching containerd; waiting for it');
  });
}

async function unpack(
  series: ContainerdSeries,
  directory: string,
  archive: DebianArchive,
  progress: (message: string) => void,
): Promise<void> {
  const apt = join(directory, 'apt');
  for (const path of ['lists/partial', 'cache/archives/partial', 'parts', 'debs']) {
    mkdirSync(join(apt, path), { recursive: true });
  }
  const wanted = packages[series];
  const suites = [...new Set(Object.values(wanted))];
  const signed = archive.signedBy === undefined ? '' : `[signed-by=${archive.signedBy}] `;
  writeFileSync(join(apt, 'status'), '');
  writeFileSync(
    join(apt, 'sources.list'),
    suites.map((suite) => `deb ${signed}${archive.uri} ${suite} main\n`).join(''),
  );
  writeFileSync(join(apt, 'apt.conf'), aptConfiguration(apt));
  const environment = { ...process.env, APT_CONFIG: join(apt, 'apt.conf'), LC_ALL: 'C' };
  const debs = join(apt, 'debs');
  try {
    progress(`reading the package lists of ${suites.join(', ')} from ${archive.uri} …`);
    await run('apt-get', ['-qq', 'update'], { env: environment });
    const names = Object.entries(wanted).map(([name, suite]) => `${name}/${suite}`);
    progress(`downloading ${names.join(', ')} …`);
    await run('apt-get', ['-qq', 'download', ...names], { env: environment, cwd: debs });
    const versions: Record<string, string> = {};
    for (const file of readdirSync(debs).filter((name) => name.endsWith('.deb'))) {
      const deb = join(debs, file);
      const { stdout } = await run('dpkg-deb', ['--showformat=${Package} ${Version}', '--show', deb]);
      const [name = '', version = ''] = stdout.trim().split(' ');
      versions[name] = version;
      await run('dpkg-deb', ['--extract', deb, join(directory, 'root')]);
    }
    rmSync(apt, { recursive: true });
    const marker: ToolsMarker = { layout: 1, series, packages: versions };
    writeFileSync(join(directory, 'image.tar'), testImageArchive(join(directory, 'root/bin/busybox')));
    writeFileSync(markerFile(directory), JSON.stringify(marker, null, 2));
  } catch (error) {
    throw new LabUnavailableError(
      `cannot fetch containerd ${series} from ${archive.uri}: ${wordsOf(error)}`,
      `make apt-get able to read the suites ${suites.join(', ')} of a Debian archive (its URL is taken from /etc/apt), then try again`,
      { cause: error },
    );
  }
}

/** Points apt at lists, cache and status of its own, so that the machine's packages and sources play no part. */
function aptConfiguration(apt: string): string {
  const settings: Readonly<Record<string, string>> = {
    'Dir::Etc::SourceList': join(apt, 'sources.list'),
    'Dir::Etc::SourceParts': join(apt, 'parts'),
    'Dir::Etc::Preferences': '/dev/null',
    'Dir::Etc::PreferencesParts': join(apt, 'parts'),
    'Dir::State::Lists': join(apt, 'lists'),
    'Dir::State::status': join(apt, 'status'),
    'Dir::Cache': join(apt, 'cache'),
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': 'root',
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} "${value}";\n`)
    .join('');
}

async function proveThatTheyRun(tools: ContainerdTools): Promise<void> {
  for (const [program, ...parameters] of [
    [tools.containerd, '--version'],
    [tools.ctr, '--version'],
    [tools.runc, '--version'],
  ] as const) {
    try {
      await run(program, parameters);
    } catch (error) {
      rmSync(markerFile(tools.directory), { force: true });
      throw new LabUnavailableError(
        `${program} does not run on this machine: ${wordsOf(error)}`,
        'use a machine with a newer C library (Debian 12 or later)',
        { cause: error },
      );
    }
  }
}

/** What a failed program wrote, or the error's own message. */
function wordsOf(error: unknown): string {
  const stderr: unknown = error instanceof Error && 'stderr' in error ? error.stderr : undefined;
  if (typeof stderr === 'string' && stderr.trim() !== '') return stderr.trim();
  return error instanceof Error ? error.message : String(error);
}
