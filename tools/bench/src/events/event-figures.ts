import { type BenchTools, type Benchmark } from '../run/benchmark.ts';
import { makeFigure } from '../figures/make-figure.ts';
import { BenchHost } from '../links/bench-host.ts';
import { BenchNode } from '../node/bench-node.ts';
import { pause, WaitTimeoutError } from '@patchbay/lab';

const name = 'events.linkToSlice';
const cards = 4;
const card = 'nic1';
const defaultSamples = 40;
const warmUp = 4;
/** Between events, so that none is held back because of the one before; in milliseconds. */
const restMs = 400;
const patienceMs = 10_000;
const slices = 'resourceslices.resource.k8s.io';

/** From a cable that is taken out of a card, or put back, to the slice that the API server has stored. */
export const eventFigures: Benchmark = {
  names: [name],

  async *run(_wanted, _tools: BenchTools, samples = defaultSamples) {
    const host = BenchHost.here('driver', cards);
    const node = await BenchNode.make();
    try {
      await node.start();
      await pause(restMs);
      const times: number[] = [];
      for (let round = -warmUp; round < samples; round++) {
        const taken = await timeEvent(node, () => host.setCable(card, round % 2 !== 0));
        if (round >= 0) times.push(taken);
        await pause(restMs);
      }
      yield makeFigure({
        ...{ name, unit: 'ms', samples: times },
        details: { event: 'a card loses its carrier, or has it back' },
      });
    } finally {
      await node.stop();
      await host.remove();
    }
  },
};

/** Milliseconds from just before the change to the end of the write of a slice. */
function timeEvent({ server: { store } }: BenchNode, change: () => void): Promise<number> {
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      clearTimeout(timer);
      unsubscribe();
      finish();
    };
    const timer = setTimeout(
      () => end(() => reject(new WaitTimeoutError('a slice to be written', patienceMs))),
      patienceMs,
    );
    const begun = performance.now();
    const unsubscribe = store.subscribe(({ resource }) => {
      if (resource !== slices) return;
      const taken = performance.now() - begun;
      end(() => resolve(taken));
    });
    change();
  });
}
