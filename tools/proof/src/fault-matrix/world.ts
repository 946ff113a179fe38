import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { AllocatedClaim } from '@patchbay/dra';
import { DriverLife } from '@patchbay/driver/testing';
import { loadForeignLibraries } from '@patchbay/ffi';
import { RouteSocket } from '@patchbay/netlink';
import { type KillPoint, type ProcessEnd, runForked } from '../faults/traced-process.ts';
import { proofClaim, type Wish } from '../host/proof-claim.ts';
import { shortened } from '../host/host-snapshot.ts';
import type { ProofHost } from '../host/proof-host.ts';
import { ProofPod } from '../host/proof-pod.ts';
import type { Subject } from './subjects.ts';

/** How long what goes on after an answer may take, in milliseconds; a life that is killed in it does not wait for its end. */
const afterworkMs = 60;

/** What one life of the driver does. */
export type Life = (world: World, arm: () => void) => Promise<void>;

/** A pod with a claim on a host, and lives of the driver in processes of their own, each of which ends by SIGKILL. */
export class World {
  readonly claim: AllocatedClaim;
  readonly pod: ProofPod;
  readonly #host: ProofHost;
  readonly #wishes: readonly Wish[];

  constructor(host: ProofHost, subject: Subject) {
    this.#host = host;
    this.#wishes = subject.wishes;
    this.pod = new ProofPod(join(host.directory, 'netns'), 'pod');
    this.claim = proofClaim('claim', subject.wishes, [this.pod.sandbox.uid]);
  }

  /**
   * One life of the driver.
   *
   * @throws Error what went wrong in it
   */
  async live(life: Life, killAt?: KillPoint): Promise<ProcessEnd> {
    const end = await runForked(({ arm }) => life(this, arm), this.#host.directory, killAt);
    if (end.problem !== '') throw new Error(end.problem);
    return end;
  }

  /** Starts the driver. */
  begin(): Promise<DriverLife> {
    return DriverLife.begin({ config: this.#host.config, libraries: loadForeignLibraries() });
  }

  /** Lets what goes on after an answer come to its end. */
  afterwork(): Promise<void> {
    return pause(afterworkMs);
  }

  /** Throws unless all devices are in the pod, as they were asked for, and its containers may start. */
  assertAttached({ memory }: DriverLife): void {
    const { devices = [] } = memory.ledger.get(this.claim.uid) ?? {};
    const links = this.pod.links();
    const found = links.map(({ name }) => name).sort();
    const wanted = this.#wishes.map((wish) => wish.interface.name).sort();
    assertSame('links in the pod', found, wanted);
    for (const [index, wish] of this.#wishes.entries()) {
      const { addresses = [], leases = [] } = devices[index] ?? {};
      const held = [...addresses, ...leases.map(({ lease }) => lease)].map(({ address }) => address);
      if (held.length !== (wish.held ?? 0))
        throw new Error(`${wish.interface.name} holds [${held.join(', ')}]`);
      const link = links.find(({ name }) => name === wish.interface.name);
      if (link?.up !== true) throw new Error(`${wish.interface.name} is down`);
      const bare = (addresses: readonly string[]) => addresses.map((text) => text.split('/')[0]).sort();
      assertSame(
        `addresses of ${link.name}`,
        bare(this.pod.addresses(link.index)),
        bare([...(wish.interface.addresses ?? []), ...held]),
      );
      using host = RouteSocket.open();
      if (wish.kind === 'hostdev' && host.link({ name: wish.device }) !== undefined)
        throw new Error(`${wish.device} is also on the host`);
    }
    if (!memory.gate.isOpen(this.claim)) throw new Error('the gate is closed');
  }

  /** Throws unless all devices are on the host as they were, and the pod's containers may not start. */
  assertApart({ memory }: DriverLife): void {
    const links = this.pod.alive ? this.pod.links() : [];
    assertSame(
      'links in the pod',
      links.map(({ name }) => name),
      [],
    );
    if (!this.#host.isAsBefore())
      throw new Error(`the host is not what it was:\n${shortened(this.#host.changes())}`);
    if (memory.gate.isOpen(this.claim)) throw new Error('the gate is open');
  }
}

function assertSame(what: string, found: readonly unknown[], wanted: readonly unknown[]): void {
  if (JSON.stringify(found) === JSON.stringify(wanted)) return;
  throw new Error(`${what}: [${found.join(', ')}] instead of [${wanted.join(', ')}]`);
}
