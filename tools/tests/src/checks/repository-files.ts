import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * The files that belong to the project: tracked ones and new ones that git does not ignore.
 *
 * @param root of the checkout
 * @returns paths relative to it
 * @throws Error when it is no git checkout
 */
export async function repositoryFiles(root: string): Promise<readonly string[]> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const { stdout } = await promisify(execFile)('git', list, { cwd: root, maxBuffer: 64 * 1024 * 1024 });
  return stdout.split('\0').filter((path) => {
    const file = join(root, path);
    return path !== '' && existsSync(file) && statSync(file).isFile();
  });
}
