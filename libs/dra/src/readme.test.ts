import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const library = resolve(import.meta.dirname, '..');
const readme = readFileSync(join(library, 'README.md'), 'utf8');
/** A link to a source file, and what is shown below as its content. */
const listing = /\]\((?<path>[^)\s]+\.ts)\):\n\n```ts\n(?<text>[\s\S]*?)```/g;

describe('the README', () => {
  const listings = [...readme.matchAll(listing)].map(({ groups }) => [
    groups?.['path'] ?? '',
    groups?.['text'],
  ]);

  it('shows the driver and what holds it together', () => {
    expect(listings.map(([path]) => path)).toEqual([
      '../../examples/toy-driver/src/toy-driver.ts',
      '../../examples/toy-driver/src/main.ts',
    ]);
  });

  it.each(listings)('shows %s as it is', (path, text) => {
    expect(text).toBe(readFileSync(resolve(library, path ?? ''), 'utf8'));
  });
});
