import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { Check } from './check.ts';
import { repositoryFiles } from './repository-files.ts';

const longest = 400;
const linesForReason = 20;
const languages = new Set(['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs', '.sh', '.proto', '.yaml', '.yml']);
const reason = /^\s*(?:\/\/|#|\*)\s*Long because: \S/m;

/** Source files with more than 400 lines that give no reason near their top. Generated files need none. */
export function longFiles(root: string): Check {
  return {
    name: 'long files',
    remedy: `split the file, or say near its top why not: // Long because: …`,
    async problem() {
      const long: string[] = [];
      for (const path of await repositoryFiles(root)) {
        if (!languages.has(extname(path)) || path.split('/').includes('generated')) continue;
        const lines = readFileSync(join(root, path), 'utf8').trimEnd().split('\n');
        if (lines.length <= longest || reason.test(lines.slice(0, linesForReason).join('\n'))) continue;
        long.push(`${path}: ${lines.length} lines`);
      }
      return long.length === 0 ? undefined : long.join('\n');
    },
  };
}
