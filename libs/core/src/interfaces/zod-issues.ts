import type { z } from 'zod';
import type { ConfigIssue } from '../errors/driver-errors.ts';

/**
 * Turns a zod error into issues that name the field and the value.
 *
 * @param input the document that was refused
 * @param prefix put before each path
 */
export function zodIssues(error: z.ZodError, input: unknown, prefix = ''): ConfigIssue[] {
  return error.issues.flatMap((issue): ConfigIssue[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        path: prefix + formatPath([...issue.path, key]),
        message: 'unknown field; remove it or correct its spelling',
      }));
    }
    const value = valueAt(input, issue.path);
    const shown = issue.code === 'custom' || value === undefined ? '' : ` (got ${preview(value)})`;
    const message = value === undefined ? (whenMissing(issue) ?? issue.message) : issue.message;
    return [{ path: prefix + formatPath(issue.path), message: message + shown }];
  });
}

/** Writes a path as users write it: `interface.addresses[0]`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`,
    )
    .join('');
}

function whenMissing(issue: z.core.$ZodIssue): string | undefined {
  if (issue.code === 'invalid_type' || issue.code === 'invalid_union') return 'is required';
  if (issue.code !== 'invalid_value') return undefined;
  return `is required; write ${issue.values.map((value) => String(value)).join(' or ')}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function preview(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
