import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { repository } from '../repository.ts';

const pinnedNode = `node_modules/node-linux-${process.arch}/bin/node`;

/** A clone in which programs are replaced by shell scripts: name to text. */
function clone(programs: Readonly<Record<string, string>> = {}) {
  const root = mkdtempSync(join(tmpdir(), 'clone-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  mkdirSync(join(root, 'bin'));
  mkdirSync(join(root, 'tools'));
  cpSync(join(repository, 'tools/run.sh'), join(root, 'tools/run.sh'));
  writeFileSync(join(root, 'package-lock.json'), '{}');
  const install = `mkdir -p ${join(pinnedNode, '..')}; echo 'echo ran: "$@"' >${pinnedNode}; chmod +x ${pinnedNode}`;
  const defaults = {
    npm: `echo "npm $*" >>calls; case "$1" in ci) ${install};; config) echo https://registry.test/;; *) echo 11.0.0;; esac`,
  };
  for (const [name, text] of Object.entries({ ...defaults, ...programs })) {
    writeFileSync(join(root, 'bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const run = () =>
    spawnSync('bash', ['tools/run.sh', 'some.ts', 'a b'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, PATH: `${join(root, 'bin')}:${process.env['PATH']}` },
    });
  const installs = () => {
    const calls = join(root, 'calls');
    return existsSync(calls) ? readFileSync(calls, 'utf8').match(/^npm ci/gm)?.length : 0;
  };
  return { root, run, installs };
}

describe('tools/run.sh', () => {
  test('installs in a fresh clone, once, and again after the lock file changed', () => {
    const { root, run, installs } = clone();
    const first = run();
    expect(first.stderr).toContain('installing the locked npm dependencies');
    expect(first.stdout).toMatch(/^ran: .*some\.ts a b$/m);
    expect(run().stderr).toBe('');
    expect(installs()).toBe(1);
    writeFileSync(join(root, 'package-lock.json'), '{ "changed": true }');
    expect(run().status).toBe(0);
    expect(installs()).toBe(2);
  });

  test('says what npm ci needs when it fails, and tries again next time', () => {
    const { root, run } = clone({
      npm: 'case "$1" in ci) echo "npm error network" >&2; exit 1;; config) echo https://registry.test/;; *) echo 11.0.0;; esac',
    });
    const end = run();
    expect(end.status).toBe(1);
    expect(end.stderr).toContain('npm error network');
    expect(end.stderr).toContain(
      'needed: npm >= 10 (this is 11.0.0) and the npm registry (this is https://registry.test/)',
    );
    expect(existsSync(join(root, 'node_modules/.patchbay-installed'))).toBe(false);
  });

  test.each(['v18.20.4', 'v20.18.3'])('refuses Node.js %s by name', (version) => {
    // Answers the version question as that Node.js would.
    const real = process.execPath;
    const node = `case "$1" in -e) exec ${real} -e "Object.defineProperty(process.versions, 'node', { value: '${version.slice(1)}' });$2";; *) echo ${version};; esac`;
    const { run, installs } = clone({ node });
    const end = run();
    expect(end.status).toBe(1);
    expect(end.stderr).toMatch(`patchbay: Node.js >= 20.19 is needed, this is ${version} (`);
    expect(installs()).toBe(0);
  });

  test('refuses other systems than Linux', () => {
    const end = clone({ uname: 'echo Darwin' }).run();
    expect(end.status).toBe(1);
    expect(end.stderr).toContain('this is Darwin');
  });

  test('says what to do when optional dependencies were left out', () => {
    const end = clone({ npm: 'mkdir -p node_modules' }).run();
    expect(end.status).toBe(1);
    expect(end.stderr).toContain(`${pinnedNode} is missing`);
    expect(end.stderr).toContain('npm ci --include=optional');
  });
});
