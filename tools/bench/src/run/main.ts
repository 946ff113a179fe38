/** `npm run bench`: how fast the driver is, against everybody who can do the same on this machine. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fetchContainerd, LabUnavailableError, runInLab } from '@patchbay/lab';
import type { JudgedFigure } from '../figures/figure.ts';
import { figuresJson } from '../figures/figures-json.ts';
import { figuresPage } from '../figures/figures-page.ts';
import { figuresTable } from '../figures/figures-table.ts';
import { compilePrograms } from '../programs/compile-programs.ts';
import { findCompiler, findIp } from '../programs/find-programs.ts';
import { wantedFigures } from './all-benchmarks.ts';
import type { Job } from './job.ts';
import { isAnswered, parseOptions } from './options.ts';
import { surroundings } from './surroundings.ts';

try {
  process.exitCode = await bench();
} catch (error) {
  if (!isAnswered(error)) {
    const understood = error instanceof LabUnavailableError || error instanceof RangeError;
    console.error(understood ? `patchbay bench: ${error.message}` : error);
    process.exitCode = 2;
  }
}

/** Returns 0 when all targets are met, 1 when one is missed, 2 when something could not be measured. */
async function bench(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  const wanted = [...wantedFigures(options.only)];
  const containerd = await fetchContainerd('2');
  const [compiler, ip] = await Promise.all([findCompiler(options.fetched), findIp(options.fetched)]);
  const directory = mkdtempSync(join(tmpdir(), 'patchbay-bench-'));
  try {
    const programs = await compilePrograms(compiler, join(directory, 'programs'));
    const results = join(directory, 'figures.json');
    const tools = { programs, ip, cniPlugins: containerd.cniPlugins, directory };
    const { samples } = options;
    const job: Job = { tools, wanted, results, ...(samples === undefined ? {} : { samples }) };
    const jobFile = join(directory, 'job.json');
    writeFileSync(jobFile, JSON.stringify(job));
    writeFileSync(results, '[]');
    const around = surroundings({ compiler, ip, containerd });
    for (const [what, value] of Object.entries(around)) console.log(`${what}: ${value}`);
    const inside = resolve(import.meta.dirname, 'inside.ts');
    // In a session of its own, whose priority it may change.
    const command = ['setsid', '--wait', process.execPath, ...process.execArgv, inside, jobFile];
    const code = await runInLab(command, { tools: containerd });
    const figures = JSON.parse(readFileSync(results, 'utf8')) as JudgedFigure[];
    console.log(figuresTable(figures));
    write(options.json, figuresJson(figures, around));
    write(options.page, figuresPage(figures, around));
    if (code !== 0 || figures.length < wanted.length) return 2;
    return figures.every(({ targets }) => targets.every(({ met }) => met)) ? 0 : 1;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** npm starts scripts in the repository's root, whatever the user's directory was. */
function write(file: string | undefined, text: string): void {
  if (file !== undefined) writeFileSync(resolve(process.env['INIT_CWD'] ?? '', file), text);
}
