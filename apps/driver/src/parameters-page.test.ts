import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InterfaceParameters } from '@patchbay/core';
import { expect, it } from 'vitest';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly propertyNames?: { readonly enum?: readonly string[] };
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** The names of all fields of a document. */
function fields({ properties = {}, propertyNames, items, anyOf = [] }: Schema): string[] {
  return [
    ...Object.entries(properties).flatMap(([name, schema]) => [name, ...fields(schema)]),
    ...(propertyNames?.enum ?? []).map((name) => name.split('.').at(-1) ?? ''),
    ...(items === undefined ? [] : fields(items)),
    ...anyOf.flatMap(fields),
  ];
}

it('the pages of the parameters name all of them', () => {
  const page = ['parameters.md', 'addresses.md']
    .map((name) => readFileSync(resolve(import.meta.dirname, '../../../docs', name), 'utf8'))
    .join('\n');
  const all = new Set(fields(new InterfaceParameters(new Map()).jsonSchema() as Schema));
  expect(all.size).toBeGreaterThan(100);
  const missing = [...all].filter(
    (name) => !new RegExp(`\`([a-z]+\\.)?${name}[\`:]|^${name}:`, 'm').test(page),
  );
  expect(missing).toEqual([]);
});
