import { setTimeout as pause } from 'node:timers/promises';
import type { BenchBackend } from '../links/bench-backends.ts';
import type { BenchHost } from '../links/bench-host.ts';
import type { PlannedLink } from '../links/planned-link.ts';
import type { BenchNode } from '../node/bench-node.ts';
import type { BenchClaim } from '../node/claims.ts';
import { processCpu } from '../processes/process-cpu.ts';
import type { Contestant } from './contestant.ts';

/** The driver goes on reporting after its answers; in milliseconds. */
const settleMs = 40;

interface Attached {
  readonly claim: BenchClaim;
  readonly pod: {
    readonly id: string;
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly networkNamespacePath: string;
  };
}

/** The bundled driver: from the runtime's RunPodSandbox request on NRI's socket to the answer. */
export class DriverHook implements Contestant {
  readonly name = 'hook';
  readonly every = 1;
  /** What each of these took by the driver's own clock, in milliseconds. */
  readonly inDriver: number[] = [];
  /** What the driver's threads worked for each of these, in milliseconds, with what they began to do after the answer. */
  readonly cpu: number[] = [];
  readonly #node: BenchNode;
  readonly host: BenchHost;
  #attached: Attached | undefined;
  #secondsBefore = 0;
  #pods = 0;

  /** @param host the node's */
  constructor(node: BenchNode, host: BenchHost) {
    this.#node = node;
    this.host = host;
  }

  async attach(_backend: BenchBackend, links: readonly PlannedLink[]): Promise<number> {
    const claim = this.#node.claims.make(links);
    await this.#node.prepare(claim);
    await pause(settleMs);
    const number = this.#pods++;
    const pod = {
      id: `sandbox-${number}`,
      name: `pod-of-${claim.reference.name}`,
      uid: claim.podUID,
      namespace: 'default',
      networkNamespacePath: this.host.podPath,
    };
    this.#attached = { claim, pod };
    const { pid = 0 } = this.#node.driver;
    const cpu = processCpu(pid);
    await this.#node.runtime.runPodSandbox(pod);
    const taken = await this.#node.relay.lastAnswer();
    this.cpu.push(processCpu(pid) - cpu);
    await pause(settleMs);
    const seconds = hookSeconds(await this.#node.driver.metrics());
    this.inDriver.push((seconds - this.#secondsBefore) * 1000);
    this.#secondsBefore = seconds;
    return taken;
  }

  async detach(): Promise<void> {
    if (this.#attached === undefined) return;
    const { claim, pod } = this.#attached;
    this.#attached = undefined;
    await this.#node.runtime.stopPodSandbox(pod);
    await this.#node.runtime.removePodSandbox(pod);
    await this.#node.unprepare(claim);
    this.#node.claims.remove(claim);
    await pause(settleMs);
  }
}

/** What all RunPodSandbox hooks have taken so far, in seconds. */
function hookSeconds(metrics: string): number {
  const line = /^patchbay_hook_duration_seconds_sum\{method="RunPodSandbox",result="ok"\} (\S+)$/m;
  return Number(line.exec(metrics)?.[1] ?? 0);
}
