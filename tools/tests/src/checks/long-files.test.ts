import { describe, expect, test } from 'vitest';
import { checkoutWith } from './checkout-fixture.ts';
import { longFiles } from './long-files.ts';

const lines = (count: number, first = 'export {};') =>
  [first, ...Array<string>(count - 1).fill('//'), ''].join('\n');

describe('the check for long files', () => {
  test('names each file over 400 lines with its length', async () => {
    const root = checkoutWith({
      'a/long.ts': lines(401),
      'a/fits.ts': lines(400),
      'run.sh': lines(900, '#!/bin/sh'),
    });
    expect(await longFiles(root).problem()).toBe('a/long.ts: 401 lines\nrun.sh: 900 lines');
  });

  test('accepts a reason near the top', async () => {
    const root = checkoutWith({
      'table.ts': lines(500, '// Long because: one row per errno'),
      'table.yaml': lines(500, '# Long because: one document'),
    });
    expect(await longFiles(root).problem()).toBeUndefined();
  });

  test('does not accept a reason without words, or far down', async () => {
    const root = checkoutWith({
      'empty.ts': lines(500, '// Long because: '),
      'late.ts': `${lines(499)}// Long because: nobody sees this\n`,
    });
    expect(await longFiles(root).problem()).toBe('empty.ts: 500 lines\nlate.ts: 500 lines');
  });

  test('leaves out generated files, prose and what git ignores', async () => {
    const root = checkoutWith({
      '.gitignore': 'dist/\n',
      'dist/bundle.js': lines(500),
      'lib/generated/messages.ts': lines(500),
      'README.md': lines(500),
    });
    expect(await longFiles(root).problem()).toBeUndefined();
  });
});
