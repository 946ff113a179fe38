/** `npm run build`: the driver as one file that Node.js 20.19 and newer runs from any folder, see `buildDriver`. */
import { relative } from 'node:path';
import { buildDriver } from './build-driver.ts';
import { repository } from './repository.ts';

const start = performance.now();
try {
  const { directory, sizes, absent } = await buildDriver();
  const names = [...sizes.keys()].filter((path) => !path.startsWith('node_modules/'));
  const native = [...sizes].filter(([path]) => path.startsWith('node_modules/'));
  for (const name of names) printSize(name, sizes.get(name) ?? 0);
  printSize(
    `node_modules/ (${native.length} files)`,
    native.reduce((sum, [, bytes]) => sum + bytes, 0),
  );
  if (absent.length > 0) console.log(`not included, optional at run time: ${absent.join(', ')}`);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(`built ${relative(repository, directory)} in ${seconds} s`);
} catch (error) {
  console.error(`patchbay build: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function printSize(name: string, bytes: number): void {
  console.log(`${(bytes / 1024).toFixed(0).padStart(8)} KiB  ${name}`);
}
