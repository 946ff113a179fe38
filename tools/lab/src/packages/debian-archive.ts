import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A Debian package archive that this machine's apt knows. */
export interface DebianArchive {
  /** Base URL of the archive, without the suite. */
  readonly uri: string;
  /** Path of the keyring (or key file) that signs it; undefined leaves the choice to apt's trusted keys. */
  readonly signedBy?: string;
}

/** One source entry of apt's configuration. */
export interface AptSource {
  readonly types: readonly string[];
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  readonly components: readonly string[];
  readonly signedBy?: string;
}

/** Where packages come from when apt's configuration names no Debian archive. */
export const publicDebianArchive: DebianArchive = {
  uri: 'http://deb.debian.org/debian',
  signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
};

/**
 * Parses a deb822 `.sources` file (sources.list(5)): stanzas separated by empty lines, `Field: value` with continuation lines,
 * comments at the start of a line. Disabled stanzas (`Enabled: no`) are left out.
 */
export function parseDeb822Sources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  const lines = text.split('\n').filter((line) => !line.startsWith('#'));
  for (const stanza of lines.join('\n').split(/\n[ \t]*\n/)) {
    const fields = new Map<string, string>();
    let field = '';
    for (const line of stanza.split('\n')) {
      const start = /^([A-Za-z][A-Za-z-]*):(.*)$/.exec(line);
      if (start) {
        field = (start[1] ?? '').toLowerCase();
        fields.set(field, (start[2] ?? '').trim());
      } else if (/^[ \t]/.test(line) && field !== '') {
        fields.set(field, `${fields.get(field) ?? ''}\n${line.trim()}`.trim());
      }
    }
    if (/^(no|false|off|0)$/i.test(fields.get('enabled') ?? 'yes')) continue;
    const words = (name: string) => (fields.get(name) ?? '').split(/\s+/).filter((word) => word !== '');
    if (words('uris').length === 0) continue;
    sources.push({
      types: words('types'),
      uris: words('uris'),
      suites: words('suites'),
      components: words('components'),
      ...keyringOf(fields.get('signed-by')),
    });
  }
  return sources;
}

/** Parses the one-line format of `sources.list` (sources.list(5)): `deb [option=value …] uri suite component…`. */
export function parseOneLineSources(text: string): AptSource[] {
  const sources: AptSource[] = [];
  for (const line of text.split('\n')) {
    const match = /^\s*(deb|deb-src)\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!match) continue;
    const [, type = '', options = '', uri = '', suite = '', components = ''] = match;
    sources.push({
      types: [type],
      uris: [uri],
      suites: [suite],
      components: components.split(/\s+/).filter((word) => word !== ''),
      ...keyringOf(/(?:^|\s)signed-by=(\S+)/.exec(options)?.[1]),
    });
  }
  return sources;
}

/**
 * The first Debian main archive in apt's configuration, or the public one. An entry counts as Debian's own when it offers binary
 * packages of component `main` for a suite named like a Debian release, and is neither the security nor the backports archive.
 *
 * @param root directory that holds `etc/apt`; `/` by default
 */
export function debianArchive(root = '/'): DebianArchive {
  const directory = join(root, 'etc/apt');
  const list = join(directory, 'sources.list');
  const sources: AptSource[] = existsSync(list) ? parseOneLineSources(readFileSync(list, 'utf8')) : [];
  const parts = join(directory, 'sources.list.d');
  for (const name of existsSync(parts) ? readdirSync(parts).sort() : []) {
    const text = () => readFileSync(join(parts, name), 'utf8');
    if (name.endsWith('.sources')) sources.push(...parseDeb822Sources(text()));
    else if (name.endsWith('.list')) sources.push(...parseOneLineSources(text()));
  }
  const own = sources.find(isDebianMain);
  const uri = own?.uris[0];
  if (own === undefined || uri === undefined) return publicDebianArchive;
  const fallback = join(root, 'usr/share/keyrings/debian-archive-keyring.gpg');
  const signedBy = own.signedBy ?? (existsSync(fallback) ? fallback : undefined);
  return { uri: uri.replace(/\/+$/, ''), ...(signedBy === undefined ? {} : { signedBy }) };
}

const releases = ['bookworm', 'trixie', 'forky', 'sid', 'oldstable', 'stable', 'testing', 'unstable'];

function isDebianMain(source: AptSource): boolean {
  return (
    source.types.includes('deb') &&
    source.components.includes('main') &&
    source.suites.some((suite) => releases.includes(suite)) &&
    source.uris.some((uri) => /^(https?|mirror\+https?|file|copy):/.test(uri) && !/ubuntu|security/.test(uri))
  );
}

/** A `Signed-By` may also carry the key itself, which has no path; apt's own trusted keys stand in for it then. */
function keyringOf(value: string | undefined): { signedBy?: string } {
  const path = value?.split(/[\s,]+/).find((word) => word.startsWith('/'));
  return path === undefined ? {} : { signedBy: path };
}
