import * as z from 'zod';
import { type ConfigIssue, ParametersInvalidError } from '../errors/driver-errors.ts';
import { zodIssues } from './zod-issues.ts';
import { contradictions } from './contradictions.ts';
import {
  apiVersion,
  type InterfaceConfig,
  interfaceConfigShape,
  type InterfaceSection,
} from './interface-config.ts';
import type { InterfaceSetup, RouteSetup } from './interface-setup.ts';

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
        interface: mergeSections(common.interface, document.interface),
        routes: document.routes ?? common.routes,
        rules: document.rules ?? common.rules,
        neighbours: document.neighbours ?? common.neighbours,
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
      routes: routesInOrder(inVrf(routes, common.interface?.vrf?.table)),
      ...(common.rules === undefined ? {} : { rules: common.rules }),
      ...(common.neighbours === undefined ? {} : { neighbours: common.neighbours }),
    };
    issues.push(...contradictions(setup, routes));
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

/** A later document's fields win; those that hold fields or names themselves are merged in the same way. A VRF's name and table are one thing. */
function mergeSections(
  earlier: InterfaceSection | undefined,
  later: InterfaceSection | undefined,
): InterfaceSection {
  if (earlier === undefined || later === undefined) return later ?? earlier ?? {};
  const ethtool = merged(earlier.ethtool, later.ethtool);
  return {
    ...earlier,
    ...later,
    ...defined({
      sysctls: merged(earlier.sysctls, later.sysctls),
      forwarding: merged(earlier.forwarding, later.forwarding),
      inherit: merged(earlier.inherit, later.inherit),
      dhcp: merged(earlier.dhcp, later.dhcp),
      ethtool: ethtool && {
        ...ethtool,
        ...defined({
          features: merged(earlier.ethtool?.features, later.ethtool?.features),
          privateFlags: merged(earlier.ethtool?.privateFlags, later.ethtool?.privateFlags),
        }),
      },
    }),
  };
}

function merged<T extends object>(earlier: T | undefined, later: T | undefined): T | undefined {
  return earlier === undefined || later === undefined ? (later ?? earlier) : { ...earlier, ...later };
}

function defined<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<T>;
}

function inVrf(routes: readonly RouteSetup[], table: number | undefined): readonly RouteSetup[] {
  return table === undefined ? routes : routes.map((route) => ({ table, ...route }));
}

/**
 * The routes in an order in which the kernel takes them: those without gateway first, because a gateway must be reachable when its route is
 * added. Otherwise as they were given.
 */
function routesInOrder(routes: readonly RouteSetup[]): RouteSetup[] {
  const isDirect = ({ gateway }: RouteSetup) => gateway === undefined;
  return [...routes.filter(isDirect), ...routes.filter((route) => !isDirect(route))];
}
