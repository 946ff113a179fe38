import { globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Makes a directory hold exactly these files. A file that is right already is not touched, any other is replaced by renaming, so that
 * programs that read it meanwhile see the old or the new one.
 *
 * @param files contents by path relative to the directory
 */
export function installDirectory(directory: string, files: ReadonlyMap<string, Uint8Array>): void {
  for (const [path, contents] of files) {
    const file = join(directory, path);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() && readFileSync(file).equals(contents)) continue;
    mkdirSync(dirname(file), { recursive: true });
    const draft = `${file}.${process.pid}.draft`;
    writeFileSync(draft, contents);
    renameSync(draft, file);
  }
  for (const path of globSync('**/*', { cwd: directory })) {
    const file = join(directory, path);
    if (files.has(path) || !statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    // Another build may be about to rename its draft.
    if (!path.endsWith('.draft')) rmSync(file, { force: true });
  }
}
