import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { nodeSource, nodeTool } from '../programs/node-program.ts';
import { repository } from '../repository.ts';
import { borderCanary } from './border-canary.ts';
import type { Check } from './check.ts';
import { longFiles } from './long-files.ts';
import { machineWords } from './machine-words.ts';
import { privateMirrors } from './private-mirrors.ts';
import { programCheck } from './program-check.ts';
import { refreshProjectGraph } from './project-graph.ts';

/** Every check, slow ones first so that two at a time end together. */
export const allChecks: readonly Check[] = [
  programCheck('lint', 'npx eslint --fix . mends some of it', async () => {
    // Whether a file may import another depends on tags and on other files, so a new graph means a new cache.
    const graph = await refreshProjectGraph();
    const caches = join(repository, '.cache/eslint');
    mkdirSync(caches, { recursive: true });
    for (const other of readdirSync(caches)) {
      if (other !== graph) rmSync(join(caches, other), { recursive: true, force: true });
    }
    const cache = join(caches, graph);
    const caching = ['--cache', '--cache-strategy=content', `--cache-location=${cache}`];
    return nodeTool('eslint', ...caching, '--max-warnings=0', '.');
  }),
  programCheck('types', 'mend the types', nodeTool('tsc', '--noEmit', '-p', 'tsconfig.json')),
  borderCanary(),
  programCheck(
    'format',
    'npm run format',
    nodeTool('prettier', '--check', '--log-level=warn', '--cache', '--cache-location=.cache/prettier', '.'),
  ),
  programCheck(
    'unused code',
    'remove it, or stop exporting it; what is used in a way that knip cannot see goes into knip.config.ts with the reason',
    nodeTool('knip', '--no-progress'),
  ),
  programCheck('generated files', 'npm run generate', nodeSource('tools/proto/src/main.ts', '--check')),
  longFiles(repository),
  machineWords(repository, privateMirrors),
];
