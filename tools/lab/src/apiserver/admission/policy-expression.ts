import { Environment } from '@marcbachmann/cel-js';
import { isJsonObject } from '../objects/kube-object.ts';
import type { JsonValue } from '../objects/kube-object.ts';

/** An expression of a policy cannot be compiled, or failed on a request. */
export class PolicyExpressionError extends Error {
  constructor(problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.name = 'PolicyExpressionError';
  }
}

/** A compiled expression, to be called with the values of its variables. */
export type PolicyExpression = (values: Readonly<Record<string, unknown>>) => unknown;

/** All objects are of dynamic type here, as they are for the real server where it does not know their schema. */
const ENVIRONMENT = new Environment({ unlistedVariablesAreDyn: false, enableOptionalTypes: true })
  .registerVariable('object', 'dyn')
  .registerVariable('oldObject', 'dyn')
  .registerVariable('request', 'dyn')
  .registerVariable('variables', 'dyn');

const compiled = new Map<string, PolicyExpression>();

/** What is wrong with an expression that should yield a type; undefined when it compiles. */
export function expressionProblem(expression: string, wanted: 'bool' | 'string' | 'any'): string | undefined {
  try {
    const { valid, type, error } = ENVIRONMENT.check(expression);
    if (!valid) return `compilation failed: ${firstLine(error)}`;
    const yields = String(type);
    const fits = wanted === 'any' || yields === wanted || yields === 'dyn';
    return fits ? undefined : `must evaluate to ${wanted}, not ${yields}`;
  } catch (error) {
    return `compilation failed: ${firstLine(error)}`;
  }
}

/** Evaluates an expression. Throws {@link PolicyExpressionError} when it does not compile or fails. */
export function evaluateExpression(expression: string, values: Readonly<Record<string, unknown>>): unknown {
  try {
    const program = compiled.get(expression) ?? compile(expression);
    return program(values);
  } catch (error) {
    // A variable that failed says so itself.
    if (error instanceof PolicyExpressionError) throw error;
    const problem = `expression '${expression.trim()}' resulted in error: ${firstLine(error)}`;
    throw new PolicyExpressionError(problem, { cause: error });
  }
}

function compile(expression: string): PolicyExpression {
  const program = ENVIRONMENT.parse(expression) as PolicyExpression;
  compiled.set(expression, program);
  return program;
}

/** A JSON value as CEL sees it: whole numbers are integers, members that are undefined are not there. */
export function celValue(value: JsonValue | undefined): unknown {
  if (Array.isArray(value)) return value.map(celValue);
  if (isJsonObject(value)) {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, member]) => member !== undefined)
        .map(([key, member]) => [key, celValue(member)]),
    );
  }
  return typeof value === 'number' && Number.isInteger(value) ? BigInt(value) : (value ?? null);
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}
