/** Measures, inside the lab's namespaces: `inside.ts JOB`, see {@link Job}. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { JudgedFigure } from '../figures/figure.ts';
import { judge } from '../figures/targets.ts';
import { allBenchmarks } from './all-benchmarks.ts';
import { parseJob } from './job.ts';
import { serveFirst } from './serve-first.ts';

const { tools, wanted: names, samples, results } = parseJob(readFileSync(process.argv[2] ?? '', 'utf8'));
serveFirst();
const wanted = new Set(names);
const figures: JudgedFigure[] = [];
let failures = 0;
for (const benchmark of allBenchmarks) {
  if (!benchmark.names.some((name) => wanted.has(name))) continue;
  try {
    for await (const figure of benchmark.run(wanted, tools, samples)) {
      process.stderr.write(`bench: ${figure.name} ${figure.median.toPrecision(3)} ${figure.unit}\n`);
      figures.push(judge(figure));
      writeFileSync(results, JSON.stringify(figures));
    }
  } catch (error) {
    // What the others measure is worth having all the same.
    console.error(error);
    failures++;
  }
}
process.exit(failures === 0 ? 0 : 1);
