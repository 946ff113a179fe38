import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { AptWorkspace, unpackPackages } from '../packages/apt-workspace.ts';
import { markerFile, openContainerdTools } from './containerd-tools.ts';
import type { ContainerdSeries, ContainerdTools, ToolsMarker } from './containerd-tools.ts';
import { debianArchive } from '../packages/debian-archive.ts';
import type { DebianArchive } from '../packages/debian-archive.ts';
import { fetchOnce, wordsOf } from '../packages/fetch-once.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
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
  const progress = options.onProgress ?? ((message) => void process.stderr.write(`lab: ${message}\n`));
  let fetched = false;
  const tools = await fetchOnce({
    what: 'containerd',
    directory,
    progress,
    open: openContainerdTools,
    async make(fresh) {
      fetched = true;
      await unpack(series, fresh, options.archive ?? debianArchive(), progress);
    },
  });
  if (fetched) {
    await proveThatTheyRun(tools);
    progress(`containerd ${tools.packages['containerd'] ?? series} is ready in ${directory}`);
  }
  return tools;
}

async function unpack(
  series: ContainerdSeries,
  directory: string,
  archive: DebianArchive,
  progress: (message: string) => void,
): Promise<void> {
  const wanted = packages[series];
  const suites = [...new Set(Object.values(wanted))];
  const aptDirectory = join(directory, 'apt');
  try {
    progress(`reading the package lists of ${suites.join(', ')} from ${archive.uri} …`);
    const apt = await AptWorkspace.open(aptDirectory, archive, suites);
    const names = Object.entries(wanted).map(([name, suite]) => `${name}/${suite}`);
    progress(`downloading ${names.join(', ')} …`);
    const debs = await apt.download(names);
    await unpackPackages(debs, join(directory, 'root'));
    rmSync(aptDirectory, { recursive: true });
    const versions = Object.fromEntries(debs.map(({ name, version }) => [name, version]));
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
