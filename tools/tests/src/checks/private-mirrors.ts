import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** Everybody's package hosts: naming one gives nothing away. */
const publicDomains = [
  'npmjs.org',
  'debian.org',
  'ubuntu.com',
  'nodesource.com',
  'docker.com',
  'google.com',
  'github.com',
  'k8s.io',
];

/** Hosts in the text of npm's or apt's settings that are not everybody's; comment lines do not count. */
export function privateHosts(settings: string): readonly string[] {
  const lines = settings.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  const hosts = [...lines.join('\n').matchAll(/\bhttps?:\/\/(?:[^\s/@]*@)?([^\s/:]+)/g)].map(
    (match) => match[1] ?? '',
  );
  return [...new Set(hosts)].filter(
    (host) => !publicDomains.some((domain) => host === domain || host.endsWith(`.${domain}`)),
  );
}

/** Hosts that npm and apt fetch packages from on this machine, other than the public ones. */
export async function privateMirrors(): Promise<readonly string[]> {
  const { stdout: registry } = await promisify(execFile)('npm', ['config', 'get', 'registry']);
  const sources = ['/etc/apt/sources.list', ...globSync('/etc/apt/sources.list.d/*.{list,sources}')];
  const settings = sources.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'));
  return privateHosts([registry, ...settings].join('\n'));
}
