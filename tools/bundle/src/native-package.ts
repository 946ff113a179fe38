import { globSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { z } from 'zod';
import { repository } from './repository.ts';

const loaded = new Set(['.js', '.cjs', '.mjs', '.json', '.node']);
const licence = /^(?:licen[cs]e|notice)\b/i;
const manifestSchema = z.object({ optionalDependencies: z.record(z.string(), z.string()).default({}) });

/**
 * The files of an installed package and of its platform packages that Node.js loads, and their licences.
 *
 * @returns contents by path, which starts with `node_modules/`
 * @throws Error when the package or its part for this platform is not installed
 */
export function nativePackageFiles(name: string): ReadonlyMap<string, Uint8Array> {
  const root = packageDirectory(name);
  if (root === undefined) throw new Error(`${name} is not installed; run: npm ci`);
  const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  const platforms = Object.keys(manifest.optionalDependencies).filter(
    (each) => packageDirectory(each) !== undefined,
  );
  if (platforms.length === 0) {
    throw new Error(
      `${name} has no part for ${process.platform}-${process.arch} installed; run: npm ci --include=optional`,
    );
  }
  const files = new Map<string, Uint8Array>();
  for (const each of [name, ...platforms]) {
    const directory = packageDirectory(each) ?? root;
    for (const path of globSync('**/*', { cwd: directory })) {
      if (!loaded.has(extname(path)) && !licence.test(path)) continue;
      const file = join(directory, path);
      if (statSync(file).isFile()) files.set(join('node_modules', each, path), readFileSync(file));
    }
  }
  return files;
}

function packageDirectory(name: string): string | undefined {
  const require = createRequire(join(repository, 'libs/ffi/package.json'));
  for (const directory of require.resolve.paths(name) ?? []) {
    const manifest = join(directory, name, 'package.json');
    if (statSync(manifest, { throwIfNoEntry: false })) return dirname(manifest);
  }
  return undefined;
}
