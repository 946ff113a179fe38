import { join, relative } from 'node:path';
import { isBuiltin } from 'node:module';
import { build, type Plugin } from 'esbuild';
import { installDirectory } from './install-directory.ts';
import { nativePackageFiles } from './native-package.ts';
import { repository } from './repository.ts';

/** What to bundle, and where to; everything has a default. */
export interface BuildDriverOptions {
  /** The program's source file; the driver's by default. */
  readonly entry?: string;
  /** Holds nothing but the build afterwards; `dist/driver` by default. */
  readonly directory?: string;
}

/** What a build made. */
export interface DriverBuild {
  readonly directory: string;
  /** The program: absolute path of an ES module that runs from any working directory. */
  readonly program: string;
  /** Bytes by path relative to the directory. */
  readonly sizes: ReadonlyMap<string, number>;
  /** Packages that the program looks for only when it runs, beside the copied ones: optional parts of its dependencies. */
  readonly absent: readonly string[];
}

/** Native code cannot be part of a script; it is copied to where Node.js looks for it from there. */
const nativePackage = 'koffi';

/** Bundled packages of the CommonJS kind use these; ES modules do not have them. */
const commonJsGlobals = [
  "import { createRequire as requireOf } from 'node:module';",
  "import { fileURLToPath as pathOf } from 'node:url';",
  'const require = requireOf(import.meta.url);',
  'const __filename = pathOf(import.meta.url);',
  "const __dirname = pathOf(new URL('.', import.meta.url));",
].join('');

/**
 * Has Node.js' own modules required instead of imported. An import reads all that a module exports, also what `node:http` loads only when it
 * is read: the client behind `fetch`, 13 MB of the process.
 */
const builtinsByRequire: Plugin = {
  name: 'builtins by require',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /./ }, ({ path, kind }) => {
      if (!isBuiltin(path)) return undefined;
      return kind === 'require-call' ? { path, external: true } : { path, namespace: 'builtin' };
    });
    onLoad({ filter: /./, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/**
 * Bundles the driver and all that it imports into minified ES modules for Node.js 20.19 and newer: `patchbay.mjs` and what it loads on
 * demand in `chunks`, with source maps and licences beside them and the native package under `node_modules`. Repeatable: files that would not change are not touched, the others
 * are replaced at once, so that drivers may be started meanwhile.
 *
 * @throws Error when something that is imported does not exist
 */
export async function buildDriver(options: BuildDriverOptions = {}): Promise<DriverBuild> {
  const entry = options.entry ?? join(repository, 'apps/driver/src/main.ts');
  const directory = options.directory ?? join(repository, 'dist/driver');
  const program = join(directory, 'patchbay.mjs');
  const result = await build({
    absWorkingDir: repository,
    entryPoints: { patchbay: entry },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    // What is imported on demand, such as the reader of kubeconfig files, costs memory only where it is used.
    splitting: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    target: 'node20.19',
    conditions: ['@patchbay/source'],
    minify: true,
    sourcemap: 'linked',
    legalComments: 'external',
    banner: { js: commonJsGlobals },
    external: [nativePackage],
    plugins: [builtinsByRequire],
    logLevel: 'silent',
  });
  const files = new Map<string, Uint8Array>(nativePackageFiles(nativePackage));
  for (const file of result.outputFiles) files.set(relative(directory, file.path), file.contents);
  installDirectory(directory, files);
  const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
  const absent = imports
    .filter(({ external, path }) => external === true && !isBuiltin(path) && path !== nativePackage)
    .map(({ path }) => path);
  return {
    directory,
    program,
    sizes: new Map([...files].map(([path, contents]) => [path, contents.length])),
    absent: [...new Set(absent)].sort(),
  };
}
