import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { InterfaceParameters } from '@patchbay/core';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { backendModules } from './backends.ts';
import { loadDriverConfig } from './configuration/load-driver-config.ts';

const examples = resolve(import.meta.dirname, '../../../examples');
const parameters = new InterfaceParameters(
  new Map(backendModules.map(({ kind, parametersSchema }) => [kind, parametersSchema])),
);

interface Configured {
  readonly spec?: {
    readonly devices?: Configured['spec'];
    /** Of a template. */
    readonly spec?: Configured['spec'];
    readonly config?: readonly { readonly opaque: { readonly parameters: unknown } }[];
  };
}

describe('the examples', () => {
  it('have a valid configuration with all backends', () => {
    const { backends } = loadDriverConfig(join(examples, 'driver.yaml'), backendModules);
    expect(backends.map(({ module }) => module.kind).sort()).toEqual(
      backendModules.map(({ kind }) => kind).sort(),
    );
  });

  it('have valid parameters in all claims and classes', () => {
    const documents = globSync(join(examples, 'claims/*.yaml')).flatMap((path) =>
      parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as Configured),
    );
    const found = documents.flatMap(({ spec }) => [
      ...(spec?.config ?? []),
      ...(spec?.devices?.config ?? []),
      ...(spec?.spec?.devices?.config ?? []),
    ]);
    expect(found.length).toBeGreaterThan(1);
    for (const { opaque } of found) {
      parameters.resolve([{ source: 'FromClaim', parameters: opaque.parameters }], 'macvlan', 'net0');
    }
  });
});
