import { ESLint } from 'eslint';
import { repository } from '../repository.ts';
import type { Check } from './check.ts';
import { refreshProjectGraph } from './project-graph.ts';

/** An import that the borders in design and lint rules speak about. */
interface Border {
  /** A source file, which need not exist. */
  readonly file: string;
  /** What it imports. */
  readonly imports: string;
  /** The lint rule that must object; undefined when the import is allowed. */
  readonly rule: string | undefined;
}

const modules = '@nx/enforce-module-boundaries';
const restricted = '@typescript-eslint/no-restricted-imports';

const borders: readonly Border[] = [
  { file: 'libs/nri/src/canary.ts', imports: '@patchbay/netlink', rule: modules },
  { file: 'libs/dra/src/canary.ts', imports: '@patchbay/core', rule: modules },
  { file: 'libs/netlink/src/canary.ts', imports: '@patchbay/nri', rule: modules },
  { file: 'libs/netlink/src/canary.ts', imports: '@patchbay/lab', rule: modules },
  { file: 'libs/core/src/canary.ts', imports: '@patchbay/backend-veth', rule: modules },
  { file: 'libs/core/src/canary.ts', imports: '../../netlink/src/index.ts', rule: modules },
  { file: 'libs/backend-veth/src/canary.ts', imports: '@patchbay/backend-macvlan', rule: modules },
  { file: 'libs/backend-veth/src/canary.ts', imports: '@patchbay/dra', rule: modules },
  { file: 'libs/backend-veth/src/canary.ts', imports: 'tsyringe', rule: restricted },
  { file: 'libs/backend-veth/src/canary.ts', imports: '@grpc/grpc-js', rule: restricted },
  { file: 'libs/backend-veth/src/canary.ts', imports: '@kubernetes/client-node', rule: restricted },
  // Rules that object to everything would be no use either.
  { file: 'libs/core/src/canary.ts', imports: '@patchbay/netlink', rule: undefined },
  { file: 'libs/backend-veth/src/canary.ts', imports: '@patchbay/core', rule: undefined },
  { file: 'libs/netlink/src/canary.test.ts', imports: '@patchbay/lab', rule: undefined },
];

/**
 * Imports that cross a border on purpose. Lint rules fail silently: without a project graph, with a tag misspelt or a file pattern
 * gone stale they let everything pass.
 *
 * @param options for the linter, to try the canary on other rules
 */
export function borderCanary(options: ESLint.Options = {}): Check {
  return {
    name: 'borders',
    remedy:
      'make the rules in eslint.config.js and the tags in package.json files tell these imports apart again',
    async problem() {
      await refreshProjectGraph();
      const eslint = new ESLint({ cwd: repository, ...options });
      const problems: string[] = [];
      for (const border of borders) {
        const text = `import * as imported from '${border.imports}';\nexport const canary = imported;\n`;
        const [result] = await eslint.lintText(text, { filePath: border.file });
        const errors = (result?.messages ?? []).filter((message) => message.severity === 2);
        const rules = errors.map((message) => message.ruleId ?? message.message);
        if (border.rule === undefined ? rules.length === 0 : rules.includes(border.rule)) continue;
        problems.push(
          border.rule === undefined
            ? `${border.file} may import ${border.imports}, but lint objects: ${rules.join(', ')}`
            : `${border.file} must not import ${border.imports}, but ${border.rule} does not object`,
        );
      }
      return problems.length === 0 ? undefined : problems.join('\n');
    },
  };
}
