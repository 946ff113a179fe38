import * as z from 'zod';
import { type ConfigIssue, ParametersInvalidError } from '../errors/driver-errors.ts';
import { zodIssues } from './zod-issues.ts';
import {
  apiVersion,
  type InterfaceConfig,
  interfaceConfigShape,
  mtuMistakes,
  routeMistakes,
  routesInOrder,
} from './interface-config.ts';
import type { InterfaceSetup } from './interface-setup.ts';

/** One opaque document of parameters, from the device class or from the claim. */
export interface ParametersDocument {
  readonly source: 'FromClass' | 'FromClaim';
  readonly parameters: unknown;
}

/** What a claim's parameters come to for one device. */
export interface ResolvedParameters {
  readonly interface: InterfaceSetup;
  /** The backend's own section, parsed by its schema. */
  readonly section: unknown;
}

/** Validates and merges the parameters of claims and device classes: `InterfaceConfig` documents with a section for each backend. */
export class InterfaceParameters {
  readonly #sections: ReadonlyMap<string, z.ZodType>;
  readonly #document;

  /** @param sections each enabled backend's schema of its own section, by kind */
  constructor(sections: ReadonlyMap<string, z.ZodType>) {
    this.#sections = sections;
    this.#document = z.strictObject({
      ...interfaceConfigShape,
      ...Object.fromEntries(
        [...sections.keys()].map((kind) => [kind, z.record(z.string(), z.unknown()).optional()]),
      ),
    });
  }

  /**
   * Merges the documents for a device of backend `kind`; a later document's fields win over an earlier one's, lists are replaced whole.
   *
   * @param documents lowest precedence first
   * @param defaultName the interface's name when no document gives one
   * @throws ParametersInvalidError listing all mistakes with their paths
   */
  resolve(documents: readonly ParametersDocument[], kind: string, defaultName: string): ResolvedParameters {
    const issues: ConfigIssue[] = [];
    let common: Partial<InterfaceConfig> = {};
    const sections = new Map<string, object>();
    for (const { source, parameters } of documents) {
      const parsed = this.#document.safeParse(parameters);
      if (!parsed.success) {
        issues.push(...zodIssues(parsed.error, parameters, source === 'FromClass' ? 'class:' : ''));
        continue;
      }
      const document = parsed.data as InterfaceConfig & Readonly<Record<string, object | undefined>>;
      common = {
        interface: { ...common.interface, ...document.interface },
        routes: document.routes ?? common.routes,
      };
      for (const name of this.#sections.keys()) {
        if (document[name] !== undefined) sections.set(name, { ...sections.get(name), ...document[name] });
      }
    }
    const routes = common.routes ?? [];
    const setup: InterfaceSetup = {
      ...common.interface,
      name: common.interface?.name ?? defaultName,
      addresses: common.interface?.addresses ?? [],
      routes: routesInOrder(routes),
    };
    issues.push(
      ...routeMistakes(setup.addresses, routes),
      ...duplicates(setup.addresses),
      ...mtuMistakes(setup.mtu, setup.addresses, routes),
    );
    let own: unknown;
    for (const [name, schema] of this.#sections) {
      if (name !== kind && !sections.has(name)) continue;
      const parsed = schema.safeParse(sections.get(name) ?? {});
      if (!parsed.success) issues.push(...zodIssues(parsed.error, sections.get(name) ?? {}, `${name}.`));
      else if (name === kind) own = parsed.data;
    }
    if (issues.length > 0)
      throw new ParametersInvalidError(`parameters of kind InterfaceConfig (${apiVersion})`, issues);
    return { interface: setup, section: own };
  }

  /** The JSON Schema (draft 2020-12) of a document, for editors and admission checks. */
  jsonSchema(): object {
    const schema = z.strictObject({
      ...interfaceConfigShape,
      ...Object.fromEntries(this.#optionalSections()),
    });
    return z.toJSONSchema(schema, { io: 'input' });
  }

  *#optionalSections(): Iterable<[string, z.ZodType]> {
    for (const [kind, schema] of this.#sections) yield [kind, schema.optional()];
  }
}

function duplicates(addresses: readonly string[]): ConfigIssue[] {
  return addresses.flatMap((address, index) =>
    addresses.indexOf(address) < index
      ? [{ path: `interface.addresses[${index}]`, message: `'${address}' is given twice` }]
      : [],
  );
}
