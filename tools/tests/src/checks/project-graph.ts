import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { nodeTool } from '../programs/node-program.ts';
import { runProgram } from '../programs/run-program.ts';
import { repository } from '../repository.ts';

const graphSchema = z.object({
  graph: z.object({
    nodes: z.record(
      z.string(),
      z.object({ data: z.object({ root: z.string(), tags: z.array(z.string()) }) }),
    ),
    dependencies: z.record(z.string(), z.unknown()),
  }),
});

let fingerprint: Promise<string> | undefined;

/**
 * Brings nx's project graph up to date, once per process. Without it `@nx/enforce-module-boundaries` knows no projects and lets
 * everything pass.
 *
 * @returns changes whenever a border between projects may have moved
 */
export function refreshProjectGraph(): Promise<string> {
  fingerprint ??= writeProjectGraph();
  return fingerprint;
}

async function writeProjectGraph(): Promise<string> {
  const file = join(repository, '.nx/graph.json');
  mkdirSync(join(repository, '.nx'), { recursive: true });
  const end = await runProgram(nodeTool('nx', 'graph', `--file=${file}`), {
    timeoutMs: 60_000,
    env: { NX_DAEMON: 'false' },
  });
  if (end.code !== 0) throw new Error(`nx graph failed: ${end.reason ?? end.output}`);
  const { graph } = graphSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return createHash('sha256').update(JSON.stringify(graph)).digest('hex').slice(0, 16);
}
