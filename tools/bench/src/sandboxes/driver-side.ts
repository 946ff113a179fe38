import { pause, type CriClient } from '@patchbay/lab';
import type { PlannedLink } from '../links/planned-link.ts';
import type { BenchNode } from '../node/bench-node.ts';
import type { SandboxSide, SidePod } from './sandbox-side.ts';

/** The driver goes on reporting after its answers, and has to catch up with events that it has missed; in milliseconds. */
const settleMs = 100;

/** The runtime with the driver: each pod has a claim. */
export class DriverSide implements SandboxSide {
  readonly name = 'hook';
  readonly cri: CriClient;
  readonly #node: BenchNode;
  readonly #links: readonly PlannedLink[];
  #pods = 0;

  constructor(cri: CriClient, node: BenchNode, links: readonly PlannedLink[]) {
    this.cri = cri;
    this.#node = node;
    this.#links = links;
  }

  readonly makePod = async (): Promise<SidePod> => {
    // Pods on one network may not have the same addresses.
    const number = this.#pods++ % 250;
    const links = this.#links.map((link, index) => ({
      ...link,
      address: `10.77.${index}.${number + 1}/24`,
      hardwareAddress: `02:00:5e:01:${hexadecimal(index)}:${hexadecimal(number)}`,
    }));
    const claim = this.#node.claims.make(links);
    const spec = { name: `pod-of-${claim.reference.name}`, namespace: 'default', uid: claim.podUID };
    return {
      spec,
      prepare: () => this.#node.prepare(claim),
      unprepare: async () => {
        await this.#node.unprepare(claim);
        this.#node.claims.remove(claim);
      },
    };
  };

  async begin(): Promise<void> {
    await pause(settleMs);
  }

  async end(): Promise<void> {
    await pause(settleMs);
  }
}

function hexadecimal(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
