import { enteredContainerdTools, LabContainerd, pause } from '@patchbay/lab';
import type { Figure } from '../figures/figure.ts';
import { makeFigure } from '../figures/make-figure.ts';
import { benchBackends, type BenchBackend } from '../links/bench-backends.ts';
import { BenchHost } from '../links/bench-host.ts';
import { BenchNode } from '../node/bench-node.ts';
import type { Benchmark } from '../run/benchmark.ts';
import { DriverSide } from './driver-side.ts';
import { NoopSide } from './noop-side.ts';
import { type SandboxSide, timePods, timeSandbox } from './sandbox-side.ts';

const podsAtOnce = 16;
const podsName = `podsPerSecond.${podsAtOnce}`;
const podsBackend = 'veth';
const defaultSamples = 40;
/** A round of many pods takes as long as this many of one. */
const podsCost = 8;
const warmUp = 3;
const quietMs = 30;
const cards = 2;

const sandboxName = ({ kind }: BenchBackend) => `runPodSandbox.${kind}.1`;

/** What the runtime's work costs with the driver and a link, against a plugin that does nothing. */
export const sandboxFigures: Benchmark = {
  names: [...benchBackends.map(sandboxName), podsName],

  async *run(wanted, _tools, samples = defaultSamples) {
    await using rig = await SandboxRig.start();
    for (const backend of benchBackends) {
      const name = sandboxName(backend);
      if (!wanted.has(name)) continue;
      // One is judged, by a limit that is narrower than its samples' spread; for the others a coarser figure will do.
      const counted = backend.kind === 'veth' ? 2 * samples : Math.ceil(samples / 4);
      yield await rig.measure(backend, counted, { name, unit: 'ms' }, (side) => timeSandbox(side, quiet));
    }
    const backend = benchBackends.find(({ kind }) => kind === podsBackend);
    if (backend !== undefined && wanted.has(podsName)) {
      yield await rig.measure(
        backend,
        Math.ceil(samples / podsCost),
        { name: podsName, unit: 'pods/s' },
        (side) => timePods(side, podsAtOnce, quiet),
      );
    }
  },
};

const quiet = () => pause(quietMs);

/** Two runtimes on one host, one for the driver and one for the plugin that does nothing. */
class SandboxRig {
  readonly #host: BenchHost;
  readonly #node: BenchNode;
  readonly #runtimes: readonly LabContainerd[];
  readonly #driven: LabContainerd;
  readonly #noop: NoopSide;

  private constructor(
    host: BenchHost,
    node: BenchNode,
    runtimes: readonly [LabContainerd, LabContainerd],
    noop: NoopSide,
  ) {
    this.#host = host;
    this.#node = node;
    this.#runtimes = runtimes;
    this.#driven = runtimes[0];
    this.#noop = noop;
  }

  static async start(): Promise<SandboxRig> {
    const tools = enteredContainerdTools();
    const host = BenchHost.here('driver', cards);
    const driven = await LabContainerd.start({ tools, podSubnet: '10.213.7.0/24' });
    const bare = await LabContainerd.start({ tools, podSubnet: '10.213.8.0/24' });
    const node = await BenchNode.make({ sockets: driven });
    await node.start();
    const noop = await NoopSide.start(bare, node.driver.pid ?? 0);
    return new SandboxRig(host, node, [driven, bare], noop);
  }

  async measure(
    backend: BenchBackend,
    counted: number,
    figure: Pick<Figure, 'name' | 'unit'>,
    time: (side: SandboxSide) => Promise<number>,
  ): Promise<Figure> {
    const driver = new DriverSide(this.#driven.cri, this.#node, backend.plan(1));
    const ours: number[] = [];
    const noop: number[] = [];
    for (let round = -Math.min(warmUp, counted); round < counted; round++) {
      const turns = [
        { side: driver, samples: ours },
        { side: this.#noop, samples: noop },
      ];
      for (const { side, samples } of round % 2 === 0 ? turns : turns.toReversed()) {
        await side.begin();
        const sample = await time(side);
        await side.end();
        if (round >= 0) samples.push(sample);
      }
    }
    return makeFigure({ ...figure, samples: ours, rivals: { noop } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#noop.stop();
    await this.#node.stop();
    for (const runtime of this.#runtimes) await runtime.stop();
    await this.#host.remove();
  }
}
