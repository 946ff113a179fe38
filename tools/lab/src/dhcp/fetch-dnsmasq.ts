import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { FetchOptions } from '../containerd/fetch-containerd.ts';
import { LabUnavailableError } from '../lab-unavailable-error.ts';
import { AptWorkspace, unpackPackages } from '../packages/apt-workspace.ts';
import { debianArchive } from '../packages/debian-archive.ts';
import { fetchOnce, wordsOf } from '../packages/fetch-once.ts';

const repository = resolve(import.meta.dirname, '../../../..');
const suite = 'bookworm';
const marker = 'lab-dnsmasq';

/**
 * Makes dnsmasq, which serves DHCPv4, DHCPv6 and router advertisements, available under `<cache>/dnsmasq`, with all that it needs to run down
 * to the C library, without installing anything. Returns at once when that was done before. Needs apt, dpkg and the network, and takes
 * about ten seconds.
 *
 * @returns the command to run it by, without its own parameters
 * @throws LabUnavailableError when the package cannot be had
 */
export async function fetchDnsmasq(options: FetchOptions = {}): Promise<readonly string[]> {
  const archive = options.archive ?? debianArchive();
  const progress = options.onProgress ?? ((message) => void process.stderr.write(`lab: ${message}\n`));
  return fetchOnce({
    what: 'dnsmasq',
    directory: join(options.cache ?? join(repository, '.cache/lab'), 'dnsmasq'),
    progress,
    open: openDnsmasq,
    async make(fresh) {
      const aptDirectory = join(fresh, 'apt');
      try {
        progress(`fetching dnsmasq-base from ${archive.uri} …`);
        const apt = await AptWorkspace.open(aptDirectory, archive, [suite]);
        const debs = await apt.downloadComplete('dnsmasq-base', suite);
        await unpackPackages(debs, join(fresh, 'root'));
        rmSync(aptDirectory, { recursive: true });
        const version = debs.find(({ name }) => name === 'dnsmasq-base')?.version ?? '';
        writeFileSync(join(fresh, marker), version);
      } catch (error) {
        throw new LabUnavailableError(
          `cannot fetch dnsmasq-base from ${archive.uri}: ${wordsOf(error)}`,
          `make apt-get able to read the suite ${suite} of a Debian archive (its URL is taken from /etc/apt), then try again`,
          { cause: error },
        );
      }
    },
  });
}

function openDnsmasq(directory: string): readonly string[] | undefined {
  if (!existsSync(join(directory, marker)) || readFileSync(join(directory, marker), 'utf8') === '') {
    return undefined;
  }
  const root = join(directory, 'root');
  const loader = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' }).find((name) =>
    /(^|\/)ld-linux[^/]*\.so\.\d$/.test(name),
  );
  if (loader === undefined) return undefined;
  const libraries = ['lib', 'usr/lib'].flatMap((each) => {
    const path = join(root, each);
    return [
      path,
      ...readdirSync(path)
        .filter((name) => name.endsWith('-linux-gnu'))
        .map((name) => join(path, name)),
    ];
  });
  return [join(root, 'lib', loader), '--library-path', libraries.join(':'), join(root, 'usr/sbin/dnsmasq')];
}
