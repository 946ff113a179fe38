/** What `main.ts` runs in namespaces of its own: sequences of commands, of which it writes how many held, or the one that did not. */
import { parseArgs } from 'node:util';
import { useForeignLibraries } from '@patchbay/netlink';
import fc from 'fast-check';
import { shortened } from '../host/host-snapshot.ts';
import { ProofHost } from '../host/proof-host.ts';
import { sequences } from './commands.ts';
import { CrashableProcess, DriverDied } from './crashable-process.ts';
import { NodeModel } from './node-model.ts';
import { cards } from './scenario.ts';
import type { SequencesResult } from './run-sequences.ts';
import { SequenceNode } from './sequence-node.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '0' },
    path: { type: 'string' },
    'replay-path': { type: 'string' },
  },
});
const seed = Number(values.seed);

const driver = new CrashableProcess();
useForeignLibraries(driver.libraries);
for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
  process.on(event, (error: unknown) => {
    // What a dead driver would not have noticed any more.
    if (!(error instanceof DriverDied)) throw error;
  });
}
let host: ProofHost | undefined;

/** A host on which each claim has come and gone once, so that directories that stay are there. */
async function hostFor(): Promise<ProofHost> {
  if (host !== undefined) return host;
  host = new ProofHost(cards.length);
  driver.directory = host.directory;
  host.remember();
  const node = new SequenceNode(host, driver);
  await node.start();
  await node.prepare('several');
  await node.run('c');
  await node.finish();
  host.rememberFiles();
  return host;
}

let [commands, deaths] = [0, 0];
const property = fc.asyncProperty(sequences(values['replay-path']), async (sequence) => {
  const here = await hostFor();
  const node = new SequenceNode(here, driver);
  let held = false;
  try {
    await node.start();
    await fc.asyncModelRun(() => ({ model: new NodeModel(), real: node }), sequence);
    const left = await node.finish();
    if (left.length > 0) throw new Error(`the host is not what it was:\n${shortened(left)}`);
    held = true;
  } finally {
    commands += node.steps;
    deaths += node.deaths;
    if (!held) {
      await node.abandon();
      host = undefined;
      here.destroy();
    } else if (node.removed.size > 0) {
      here.rebuild();
    }
  }
});

const began = performance.now();
const result = await fc.check(property, {
  seed,
  numRuns: Number(values.runs),
  ...(values.path === undefined ? {} : { path: values.path }),
});
host?.destroy();
const found: SequencesResult = {
  seed,
  runs: result.numRuns,
  commands,
  deaths,
  milliseconds: performance.now() - began,
  ...(result.failed
    ? {
        failure: {
          path: result.counterexamplePath ?? '',
          sequence: String(result.counterexample?.[0]),
          problem:
            result.errorInstance instanceof Error
              ? (result.errorInstance.stack ?? result.errorInstance.message)
              : String(result.errorInstance),
        },
      }
    : {}),
};
console.log(JSON.stringify(found));
// What the last life has left open must not keep the process.
process.exit();
