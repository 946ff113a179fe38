import { execFile } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { driverName, pause } from '@patchbay/lab';
import { makeFigure } from '../figures/make-figure.ts';
import { benchBackends, mostLinks } from '../links/bench-backends.ts';
import { BenchHost } from '../links/bench-host.ts';
import { memoryDetails, type ProcessMemory, processMemory } from '../processes/process-memory.ts';
import { BenchNode } from '../node/bench-node.ts';
import type { Benchmark } from '../run/benchmark.ts';
import { median } from '../statistics/statistics.ts';

const run = promisify(execFile);
const startName = 'start.toRegistered';
const idleName = 'rss.idle';
const defaultSamples = 10;
/** A start costs as much as four of the cheapest samples. */
const cost = 4;
/** After it has published all its devices, in milliseconds. */
const idleMs = 3_000;
/** Between attempts to register with a socket that does not answer yet, in milliseconds. */
const retryMs = 2;

/** How soon the driver serves after its process was started, against a Node.js that does nothing; and its memory when it is idle. */
export const startFigures: Benchmark = {
  names: [startName, idleName],

  async *run(wanted, _tools, samples) {
    const host = BenchHost.here('driver', mostLinks);
    const node = await BenchNode.make();
    try {
      const counted = samples === undefined ? defaultSamples : Math.ceil(samples / cost);
      const [starts, bare, memory]: [number[], number[], ProcessMemory[]] = [[], [], []];
      // The first start builds the bundle.
      for (let round = -1; round < counted; round++) {
        const start = await timeStart(node);
        if (round >= 0) starts.push(start);
        await node.awaitDevices();
        if (wanted.has(idleName)) {
          await pause(idleMs);
          memory.push(processMemory(node.driver.pid ?? 0));
        }
        await node.driver.stop();
        const begun = performance.now();
        await run(process.execPath, ['--eval', '']);
        if (round >= 0) bare.push(performance.now() - begun);
      }
      if (wanted.has(startName)) {
        yield makeFigure({
          ...{ name: startName, unit: 'ms', samples: starts, rivals: { node: bare } },
          details: { registered: 'with kubelet and runtime' },
        });
      }
      if (wanted.has(idleName)) {
        const anonymous = median(memory.map((each) => each.anonymous));
        const resident = memory.map((each) => each.resident);
        yield makeFigure({
          ...{ name: idleName, unit: 'MB', samples: resident },
          details: {
            ...memoryDetails({ resident: median(resident), anonymous }),
            node: `${benchBackends.length} backends, ${mostLinks} cards`,
          },
        });
      }
    } finally {
      await node.stop();
      await host.remove();
    }
  },
};

/** Milliseconds from the start of the process until kubelet and runtime have accepted it. */
async function timeStart(node: BenchNode): Promise<number> {
  const directory = join(node.directory, 'registry');
  const socket = join(directory, `${driverName}-reg.sock`);
  let appeared = () => {};
  const there = new Promise<void>((resolve) => (appeared = resolve));
  const watcher = watch(directory, (_event, file) => {
    if (file === `${driverName}-reg.sock`) appeared();
  });
  try {
    await node.driver.start({ wait: false });
    const begun = performance.now();
    await there;
    await Promise.all([register(node, socket), node.runtime.synchronized()]);
    return performance.now() - begun;
  } finally {
    watcher.close();
  }
}

async function register({ kubelet }: BenchNode, socket: string): Promise<void> {
  for (;;) {
    const registered = await kubelet.register(socket).then(
      () => true,
      () => false,
    );
    if (registered) return;
    kubelet.close();
    await pause(retryMs);
  }
}
