import type { Figure } from '../figures/figure.ts';
import { makeFigure } from '../figures/make-figure.ts';
import { benchBackends, mostLinks, type BenchBackend } from '../links/bench-backends.ts';
import { BenchHost } from '../links/bench-host.ts';
import { BenchNode } from '../node/bench-node.ts';
import { CniPlugins } from '../rivals/cni-plugins.ts';
import { type CPhases, CProgram } from '../rivals/c-program.ts';
import { IpBatch } from '../rivals/ip-batch.ts';
import { Launcher } from '../rivals/launcher.ts';
import type { Benchmark, BenchTools } from '../run/benchmark.ts';
import { median } from '../statistics/statistics.ts';
import { compare } from './compare.ts';
import { DriverHook } from './driver-hook.ts';

interface HookFigure {
  readonly name: string;
  readonly backend: BenchBackend;
  readonly count: number;
  readonly weight: number;
}

const all: readonly HookFigure[] = benchBackends.flatMap((backend) =>
  backend.links.map(({ count, weight }) => ({
    ...{ backend, count, weight },
    name: `hook.${backend.kind}.${count}`,
  })),
);

/** How long the runtime waits for the driver, against everybody who can do the same. */
export const hookFigures: Benchmark = {
  names: all.map(({ name }) => name),

  async *run(wanted, tools, samples) {
    await using rig = await HookRig.start(tools);
    for (const figure of all) {
      if (wanted.has(figure.name)) yield await rig.measure(figure, samples ?? defaultSamples);
    }
  },
};

function cpu(milliseconds: readonly number[]): string {
  return `${median(milliseconds).toFixed(2)} ms`;
}

/** Medians of the parts of the C program's work: where the kernel spends the time. */
function phases(samples: readonly CPhases[]): string {
  const part = (name: keyof CPhases) => median(samples.map((each) => each[name])).toFixed(2);
  return `socket ${part('socket')}, links ${part('made')}, configuration ${part('configured')} ms`;
}

const defaultSamples = 40;
/** A part of the rounds comes before those that count. */
const warmUp = 1 / 4;

/** The driver on its host, and its rivals on another that is alike. */
class HookRig {
  readonly #parts: {
    readonly own: BenchHost;
    readonly other: BenchHost;
    readonly node: BenchNode;
    readonly launcher: Launcher;
    readonly c: CProgram;
  };
  readonly #ip: IpBatch;
  readonly #cni: CniPlugins;

  private constructor({ programs, ip, cniPlugins, directory }: BenchTools, own: BenchHost, node: BenchNode) {
    const other = BenchHost.elsewhere('rivals', mostLinks);
    const launcher = new Launcher(programs.launch, other.path, directory);
    this.#parts = { own, other, node, launcher, c: new CProgram(programs.attach, other) };
    this.#ip = new IpBatch(ip, launcher, other, directory);
    this.#cni = new CniPlugins(cniPlugins, launcher, other, directory);
  }

  static async start(tools: BenchTools): Promise<HookRig> {
    const own = BenchHost.here('driver', mostLinks);
    const node = await BenchNode.make({ relay: tools.programs.relay });
    await node.start();
    return new HookRig(tools, own, node);
  }

  async measure({ name, backend, count, weight }: HookFigure, samples: number): Promise<Figure> {
    const { node, own, c } = this.#parts;
    const hook = new DriverHook(node, own);
    const counted = Math.max(1, Math.round(samples * weight));
    const rounds = { counted, warmUp: Math.ceil(counted * warmUp) };
    const times = await compare([hook, c, this.#ip, this.#cni], backend, backend.plan(count), rounds);
    const { hook: ours = [], ...rivals } = Object.fromEntries(times);
    const inDriver = median(hook.inDriver.slice(-counted));
    return makeFigure({
      ...{ name, unit: 'ms', samples: ours, rivals },
      details: {
        'in the driver': `${inDriver.toFixed(2)} ms`,
        CPU: `${cpu(hook.cpu.slice(-counted))}, c ${cpu(c.phases.slice(-counted).map((each) => each.cpu))}`,
        'parts of c': phases(c.phases.slice(-counted)),
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { own, other, node, launcher, c } = this.#parts;
    await node.stop();
    await c.close();
    await launcher.close();
    await other.remove();
    await own.remove();
  }
}
