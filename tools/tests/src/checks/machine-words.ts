import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check } from './check.ts';
import { repositoryFiles } from './repository-files.ts';

/** Places where people keep checkouts and home directories. */
const homes = ['work', 'workspace', 'root', 'home/[^/\\s]+', 'Users/[^/\\s]+'];
const machinePath = new RegExp(`(?:^|[\\s'"\`=(,:\\[])(/(?:${homes.join('|')})/[^\\s'"\`),]*)`);

/**
 * Words that are true on one machine only: absolute paths of checkouts and home directories, and the hosts of private package mirrors.
 *
 * @param root of the checkout
 * @param mirrors host names that must not be written down, see `privateMirrors`
 */
export function machineWords(root: string, mirrors: () => Promise<readonly string[]>): Check {
  return {
    name: 'machine words',
    remedy: 'write paths relative to the repository, and leave package hosts to the settings of npm and apt',
    async problem() {
      const found: string[] = [];
      const hosts = await mirrors();
      for (const path of await repositoryFiles(root)) {
        const text = readFileSync(join(root, path), 'utf8');
        if (text.includes('\0')) continue;
        for (const [index, line] of text.split('\n').entries()) {
          const word = machinePath.exec(line)?.[1] ?? hosts.find((host) => line.includes(host));
          if (word !== undefined) found.push(`${path}:${index + 1}: ${word}`);
        }
      }
      return found.length === 0 ? undefined : found.join('\n');
    },
  };
}
