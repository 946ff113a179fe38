import { join } from 'node:path';
import { repository } from '../repository.ts';

/** The command line of an installed npm tool, run by this process's Node.js. */
export function nodeTool(name: string, ...parameters: readonly string[]): readonly string[] {
  return [process.execPath, join(repository, 'node_modules/.bin', name), ...parameters];
}

/** The command line of a TypeScript source file of this repository, run by this process's Node.js. */
export function nodeSource(path: string, ...parameters: readonly string[]): readonly string[] {
  return [
    process.execPath,
    '--conditions=@patchbay/source',
    '--disable-warning=ExperimentalWarning',
    join(repository, path),
    ...parameters,
  ];
}
