import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import {
  debianArchive,
  parseDeb822Sources,
  parseOneLineSources,
  publicDebianArchive,
} from './debian-archive.ts';

const roots: string[] = [];

function machine(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'apt-'));
  roots.push(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true });
});

describe('parseDeb822Sources', () => {
  test('reads stanzas with comments between the fields', () => {
    const text = [
      'Types: deb deb-src',
      '# a snapshot',
      'URIs: http://mirror.example/debian',
      'Suites: bookworm bookworm-updates',
      'Components: main contrib',
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg',
      '',
      'Types: deb',
      'URIs: http://mirror.example/other',
      'Suites: any',
      'Components: main',
    ].join('\n');
    expect(parseDeb822Sources(text)).toEqual([
      {
        types: ['deb', 'deb-src'],
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm', 'bookworm-updates'],
        components: ['main', 'contrib'],
        signedBy: '/usr/share/keyrings/debian-archive-keyring.gpg',
      },
      { types: ['deb'], uris: ['http://mirror.example/other'], suites: ['any'], components: ['main'] },
    ]);
  });

  test('joins continuation lines and ignores the case of field names', () => {
    const text =
      'types: deb\nURIS: http://a.example/debian\n http://b.example/debian\nsuites: sid\nComponents: main\n';
    expect(parseDeb822Sources(text)[0]?.uris).toEqual(['http://a.example/debian', 'http://b.example/debian']);
  });

  test('leaves out disabled stanzas and those without a URI', () => {
    const stanza = 'Types: deb\nURIs: http://a.example/debian\nSuites: sid\nComponents: main\n';
    expect(parseDeb822Sources(`Enabled: no\n${stanza}\n\nTypes: deb\nSuites: sid\n`)).toEqual([]);
    expect(parseDeb822Sources(`Enabled: yes\n${stanza}`)).toHaveLength(1);
  });

  test('takes a key that stands in the file for no path', () => {
    const text =
      'Types: deb\nURIs: http://a.example/debian\nSuites: sid\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY\n';
    expect(parseDeb822Sources(text)[0]).not.toHaveProperty('signedBy');
  });
});

describe('parseOneLineSources', () => {
  test('reads options, components and comments', () => {
    const text = [
      '# deb http://commented.example/debian bookworm main',
      'deb [arch=amd64 signed-by=/usr/share/keyrings/key.gpg] http://mirror.example/debian bookworm main contrib # why',
      'deb-src http://mirror.example/debian bookworm main',
      'nonsense',
    ].join('\n');
    expect(parseOneLineSources(text)).toEqual([
      {
        types: ['deb'],
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm'],
        components: ['main', 'contrib'],
        signedBy: '/usr/share/keyrings/key.gpg',
      },
      {
        types: ['deb-src'],
        uris: ['http://mirror.example/debian'],
        suites: ['bookworm'],
        components: ['main'],
      },
    ]);
  });
});

describe('debianArchive', () => {
  test('is the Debian entry among those of others', () => {
    const root = machine({
      'etc/apt/sources.list.d/a-vendor.list': 'deb https://vendor.example/apt stable-vendor main\n',
      'etc/apt/sources.list.d/b-security.sources':
        'Types: deb\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\nComponents: main\n',
      'etc/apt/sources.list.d/debian.sources':
        'Types: deb\nURIs: http://mirror.example/debian/\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /keys/debian.gpg\n',
      'etc/apt/sources.list.d/ignored.save': 'deb http://old.example/debian bookworm main\n',
    });
    expect(debianArchive(root)).toEqual({
      uri: 'http://mirror.example/debian',
      signedBy: '/keys/debian.gpg',
    });
  });

  test('finds the one-line entry of an older machine and the keyring that it does not name', () => {
    const root = machine({
      'etc/apt/sources.list': 'deb http://mirror.example/debian bookworm main\n',
      'usr/share/keyrings/debian-archive-keyring.gpg': '',
    });
    expect(debianArchive(root)).toEqual({
      uri: 'http://mirror.example/debian',
      signedBy: join(root, 'usr/share/keyrings/debian-archive-keyring.gpg'),
    });
  });

  test('is the public archive when apt knows none of Debian', () => {
    const ubuntu = 'deb http://archive.ubuntu.example/ubuntu stable main\n';
    expect(debianArchive(machine({ 'etc/apt/sources.list': ubuntu }))).toEqual(publicDebianArchive);
    expect(debianArchive(machine({ 'etc/hostname': 'bare' }))).toEqual(publicDebianArchive);
  });
});
