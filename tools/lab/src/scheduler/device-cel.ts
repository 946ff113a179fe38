import { Environment } from '@marcbachmann/cel-js';
import type { SliceDevice } from '../apiserver/resources/resource-slice-schema.ts';
import { Quantity } from '../apiserver/validation/quantity.ts';
import { SemanticVersion } from './semantic-version.ts';

/** An expression cannot be compiled, or failed on a device. */
export class ExpressionError extends Error {
  readonly expression: string;

  constructor(expression: string, problem: string, cause?: unknown) {
    super(problem, { cause });
    this.name = 'ExpressionError';
    this.expression = expression;
  }
}

type Comparable<T> = { compare(other: T): number };

function registerComparison<T extends Comparable<T>>(environment: Environment, type: string): void {
  environment
    .registerFunction(`${type}.compareTo(${type}): int`, (a: T, b: T) => BigInt(Math.sign(a.compare(b))))
    .registerFunction(`${type}.isGreaterThan(${type}): bool`, (a: T, b: T) => a.compare(b) > 0)
    .registerFunction(`${type}.isLessThan(${type}): bool`, (a: T, b: T) => a.compare(b) < 0)
    .registerOperator(`${type} == ${type}`, (a: T, b: T) => a.compare(b) === 0);
}

function succeeds(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

function buildEnvironment(): Environment {
  const environment = new Environment({ unlistedVariablesAreDyn: false, enableOptionalTypes: true })
    .registerType('Quantity', { ctor: Quantity, fields: {} })
    .registerType('Semver', { ctor: SemanticVersion, fields: {} })
    .registerVariable({
      name: 'device',
      schema: {
        driver: 'string',
        attributes: 'map<string, map<string, dyn>>',
        capacity: 'map<string, map<string, Quantity>>',
        allowMultipleAllocations: 'bool',
      },
    })
    .registerFunction('quantity(string): Quantity', (text: string) => Quantity.parse(text))
    .registerFunction('isQuantity(string): bool', (text: string) => succeeds(() => Quantity.parse(text)))
    .registerFunction('Quantity.add(Quantity): Quantity', (a: Quantity, b: Quantity) => a.plus(b))
    .registerFunction('Quantity.sub(Quantity): Quantity', (a: Quantity, b: Quantity) => a.minus(b))
    .registerFunction('Quantity.sign(): int', (a: Quantity) => BigInt(a.compare(Quantity.parse('0'))))
    .registerFunction('Quantity.isInteger(): bool', (a: Quantity) => a.nano % 1_000_000_000n === 0n)
    .registerFunction('Quantity.asInteger(): int', (a: Quantity) => a.nano / 1_000_000_000n)
    .registerFunction('semver(string): Semver', (text: string) => SemanticVersion.parse(text))
    .registerFunction('isSemver(string): bool', (text: string) => succeeds(() => SemanticVersion.parse(text)))
    .registerFunction('Semver.major(): int', (version: SemanticVersion) => version.major)
    .registerFunction('Semver.minor(): int', (version: SemanticVersion) => version.minor)
    .registerFunction('Semver.patch(): int', (version: SemanticVersion) => version.patch)
    // 1.36: works on scalar and on list attributes alike.
    .registerFunction('dyn.includes(dyn): bool', (value: unknown, wanted: unknown) =>
      Array.isArray(value) ? value.includes(wanted) : value === wanted,
    );
  registerComparison<Quantity>(environment, 'Quantity');
  registerComparison<SemanticVersion>(environment, 'Semver');
  return environment;
}

const ENVIRONMENT = buildEnvironment();

/**
 * The library's `has()` takes no path with an index in it, the very form that device selectors use
 * (`has(device.attributes["domain"].name)`); membership says the same.
 */
function withoutIndexedHas(expression: string): string {
  return expression.replace(
    /\bhas\(\s*(device\.(?:attributes|capacity)\[\s*(?:"[^"]*"|'[^']*')\s*\])\.([A-Za-z_]\w*)\s*\)/g,
    '("$2" in $1)',
  );
}

type Program = (context: Record<string, unknown>) => unknown;

const programs = new Map<string, Program | ExpressionError>();

function compile(expression: string): Program {
  let program = programs.get(expression);
  if (program === undefined) {
    program = build(expression);
    programs.set(expression, program);
  }
  if (program instanceof ExpressionError) throw program;
  return program;
}

function build(expression: string): Program | ExpressionError {
  const text = withoutIndexedHas(expression);
  try {
    const { valid, type, error } = ENVIRONMENT.check(text);
    if (!valid) return new ExpressionError(expression, `compilation failed: ${firstLine(error)}`);
    if (type !== 'bool' && type !== 'dyn') {
      return new ExpressionError(
        expression,
        `must evaluate to bool or the unknown type, not ${String(type)}`,
      );
    }
    return ENVIRONMENT.parse(text);
  } catch (error) {
    return new ExpressionError(expression, `compilation failed: ${firstLine(error)}`, error);
  }
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}

/** What is wrong with a selector's expression; undefined when it compiles to a bool. */
export function checkDeviceExpression(expression: string): string | undefined {
  try {
    compile(expression);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Whether a selector's expression holds for a device of a driver. Names without a domain are in the driver's
 * own; an unknown domain reads as an empty map, an unknown name is an error. Throws {@link ExpressionError}.
 */
export function deviceMatches(expression: string, driver: string, device: SliceDevice): boolean {
  const program = compile(expression);
  let result: unknown;
  try {
    result = program({
      device: {
        driver,
        attributes: byDomain(driver, device.attributes ?? {}, attributeValue),
        capacity: byDomain(driver, device.capacity ?? {}, ({ value }) => Quantity.parse(value)),
        allowMultipleAllocations: device.allowMultipleAllocations ?? false,
      },
    });
  } catch (error) {
    throw new ExpressionError(expression, firstLine(error), error);
  }
  if (typeof result !== 'boolean') {
    throw new ExpressionError(
      expression,
      `CEL result of type ${typeof result} could not be converted to bool`,
    );
  }
  return result;
}

type Attribute = NonNullable<SliceDevice['attributes']>[string];

/** The value of an attribute as a number, text, version or list; undefined for a form that is not known. */
function attributeValue(attribute: Attribute): unknown {
  if (attribute.int !== undefined) return BigInt(attribute.int);
  if (attribute.version !== undefined) return SemanticVersion.parse(attribute.version);
  if (attribute.ints !== undefined) return attribute.ints.map(BigInt);
  if (attribute.versions !== undefined) return attribute.versions.map((text) => SemanticVersion.parse(text));
  return attribute.bool ?? attribute.string ?? attribute.bools ?? attribute.strings;
}

function byDomain<T>(driver: string, entries: Record<string, T>, value: (entry: T) => unknown): object {
  const domains: Record<string, Record<string, unknown>> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const slash = name.indexOf('/');
    const domain = slash < 0 ? driver : name.slice(0, slash);
    (domains[domain] ??= {})[name.slice(slash + 1)] = value(entry);
  }
  // The library insists on plain objects and maps, hence no subclass of Map.
  return new Proxy(domains, {
    get: (target, key) =>
      typeof key !== 'string' || key === 'constructor' ? Reflect.get(target, key) : (target[key] ?? {}),
    getOwnPropertyDescriptor: (target, key) =>
      Reflect.getOwnPropertyDescriptor(target, key) ??
      (typeof key === 'string' ? { configurable: true, enumerable: true, value: {} } : undefined),
  });
}

/**
 * The value of an attribute named with its domain, as constraints compare it: a text that is equal for equal
 * values of the same type; undefined when the device has no such attribute. A name without a domain is in
 * the driver's own.
 */
export function attributeIdentity(driver: string, device: SliceDevice, name: string): string | undefined {
  const attributes = device.attributes ?? {};
  const own = name.startsWith(`${driver}/`) ? attributes[name.slice(driver.length + 1)] : undefined;
  const attribute = attributes[name] ?? own;
  return attribute === undefined ? undefined : JSON.stringify(attribute);
}
