import { readFileSync } from 'node:fs';
import {
  type BackendModule,
  type BackendSelection,
  ConfigInvalidError,
  type ConfigIssue,
  describeError,
  zodIssues,
} from '@patchbay/core';
import { LineCounter, parseDocument, type Document } from 'yaml';
import type { z } from 'zod';
import { type DriverConfig, driverConfigSchema } from './driver-config.ts';

/** A configuration whose backends' entries are validated as well. */
export interface LoadedDriverConfig {
  readonly config: DriverConfig;
  /** The enabled backends in their configured order. */
  readonly backends: readonly BackendSelection[];
}

/**
 * Reads and validates a configuration file.
 *
 * @param modules the backends that this build knows
 * @throws ConfigInvalidError listing every mistake with its path and line
 */
export function loadDriverConfig(path: string, modules: readonly BackendModule[]): LoadedDriverConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const message = isMissing ? 'there is no such file; correct its path' : describeError(error);
    throw new ConfigInvalidError(path, [{ path: '', message }]);
  }
  return parseDriverConfig(text, modules, path);
}

/** {@link loadDriverConfig} for text; `source` names it in errors. */
export function parseDriverConfig(
  text: string,
  modules: readonly BackendModule[],
  source: string,
): LoadedDriverConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  if (document.errors.length > 0) {
    throw new ConfigInvalidError(
      source,
      document.errors.map((error) => ({
        path: '',
        message: error.message.split('\n')[0] ?? 'is no YAML',
        line: lines.linePos(error.pos[0]).line,
      })),
    );
  }
  const input: unknown = document.toJS() ?? {};
  const issues: ConfigIssue[] = [];
  const locate = (found: readonly ConfigIssue[]) =>
    issues.push(...found.map((issue) => ({ ...issue, ...lineOf(document, lines, issue.path) })));

  const parsed = driverConfigSchema.safeParse(input);
  if (!parsed.success) locate(zodIssues(parsed.error, input));
  const backends = selectBackends(input, modules, locate);
  if (!parsed.success || issues.length > 0) throw new ConfigInvalidError(source, issues);
  return { config: parsed.data, backends };
}

function selectBackends(
  input: unknown,
  modules: readonly BackendModule[],
  report: (issues: readonly ConfigIssue[]) => void,
): BackendSelection[] {
  const entries = (input as { readonly backends?: unknown }).backends;
  if (!Array.isArray(entries)) return [];
  const seen = new Map<string, number>();
  return entries.flatMap((entry: unknown, index): BackendSelection[] => {
    if (typeof entry !== 'object' || entry === null || !('kind' in entry) || typeof entry.kind !== 'string')
      return [];
    const { kind, ...section } = entry;
    const path = `backends[${index}]`;
    const module = modules.find((candidate) => candidate.kind === kind);
    if (module === undefined) {
      const known = modules.map((candidate) => candidate.kind).join(', ');
      report([{ path: `${path}.kind`, message: `there is no backend '${kind}'; this build has: ${known}` }]);
      return [];
    }
    const earlier = seen.get(kind);
    if (earlier !== undefined) {
      report([
        {
          path: `${path}.kind`,
          message: `'${kind}' is enabled by backends[${earlier}] already; merge the two`,
        },
      ]);
      return [];
    }
    seen.set(kind, index);
    const parsed = module.configSchema.safeParse(section);
    if (!parsed.success) {
      report(zodIssues(parsed.error as z.ZodError, section, `${path}.`));
      return [];
    }
    return [{ module, config: parsed.data }];
  });
}

/** The line of the node at a path such as `backends[0].kind`, or of the closest one above it that the file has. */
function lineOf(document: Document, lines: LineCounter, path: string): { line: number } | undefined {
  const steps = [...path.matchAll(/[^.[\]]+/g)].map(([step]) => (/^\d+$/.test(step) ? Number(step) : step));
  for (let length = steps.length; length > 0; length--) {
    const node: unknown = document.getIn(steps.slice(0, length), true);
    const range = (node as { readonly range?: readonly number[] } | undefined)?.range;
    if (range?.[0] !== undefined) return { line: lines.linePos(range[0]).line };
  }
  return undefined;
}
