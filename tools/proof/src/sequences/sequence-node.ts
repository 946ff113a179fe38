import { join } from 'node:path';
import { readdirSync } from 'node:fs';
import { DriverLife } from '@patchbay/driver/testing';
import { type Link, linkDelete, linkSet, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import { proofClaim } from '../host/proof-claim.ts';
import type { ProofHost } from '../host/proof-host.ts';
import { ProofPod } from '../host/proof-pod.ts';
import { type CrashableProcess, DriverDied } from './crashable-process.ts';
import { cards, plannedClaims } from './scenario.ts';

/** Where a driver that does something dies. */
export interface Death {
  /** Number of the side effect, counted from 0. */
  readonly effect: number;
  readonly when: 'before' | 'after';
}

/** The node that commands act on: the driver on the real kernel, and what kubelet, runtime and others do around it. */
export class SequenceNode {
  readonly host: ProofHost;
  readonly #process: CrashableProcess;
  readonly #pods = new Map<string, ProofPod>();
  /** Links that were taken out of the host for good. */
  readonly removed = new Set<string>();
  /** How many commands have had their turn. */
  steps = 0;
  /** How often the driver has died in what it did. */
  deaths = 0;
  #driver: DriverLife | undefined;
  #attempts = 0;
  #death: Death | undefined;

  constructor(host: ProofHost, process: CrashableProcess) {
    this.host = host;
    this.#process = process;
  }

  /** Begins a life of the driver, which is told what runs. */
  async start(): Promise<void> {
    const { libraries } = this.#process;
    this.#driver = await this.#mortally(() => DriverLife.begin({ config: this.host.config, libraries }));
    await this.synchronize();
  }

  /** Ends the driver's life on the spot. */
  async kill(): Promise<void> {
    this.#process.die();
    try {
      this.#driver?.end();
    } catch (error) {
      // What it would have put in order, had it lived.
      if (!(error instanceof DriverDied)) throw error;
    }
    this.#driver = undefined;
    await this.#process.revive();
  }

  /** Has the driver die at a side effect of what it is asked next. */
  arm(death: Death): void {
    this.#death = death;
  }

  /** Ends the driver's life if the planned death has happened; calls it off otherwise. Returns whether it has. */
  async endedAsPlanned(): Promise<boolean> {
    this.#death = undefined;
    if (!this.#process.dead) return false;
    this.deaths++;
    await this.kill();
    return true;
  }

  /** The runtime connects and says what it runs. */
  async synchronize(): Promise<void> {
    const { hooks } = this.#life;
    const running = [...this.#pods.values()].map(({ sandbox }) => sandbox);
    await this.#mortally(async () => hooks.synchronize?.(running, []));
  }

  /** It is time to repair, if a driver is there to do so. */
  async repair(): Promise<void> {
    await this.#driver?.repair();
  }

  async prepare(name: string): Promise<void> {
    const claim = plannedClaims.find((each) => each.name === name);
    if (claim === undefined) throw new Error(`no claim ${name}`);
    const life = this.#life;
    await life.devices.inventory.refresh();
    await this.#mortally(() => life.prepare(proofClaim(uidOf(name), claim.wishes, claim.pods)));
  }

  async unprepare(name: string): Promise<void> {
    const life = this.#life;
    const uid = uidOf(name);
    await this.#mortally(() => life.unprepare({ uid, namespace: 'default', name: uid }));
  }

  /** Makes a pod's sandbox; the hook is called if the driver lives. Without its consent there is no pod. */
  async run(pod: string): Promise<void> {
    const sandbox = new ProofPod(join(this.host.directory, 'netns'), pod, this.#attempts++);
    this.#pods.set(pod, sandbox);
    try {
      await this.#mortally(async () => this.#driver?.hooks.runPodSandbox?.(sandbox.sandbox));
    } catch (error) {
      // To the runtime a driver that died has consented.
      if (!this.#process.dead) await this.stop(pod);
      throw error;
    }
  }

  /** Ends a pod in order; the hooks are called if the driver lives. */
  async stop(pod: string): Promise<void> {
    const sandbox = this.#pods.get(pod);
    this.#pods.delete(pod);
    if (sandbox !== undefined) await this.#stopped(sandbox);
  }

  /** Ends a pod without a word to the driver. */
  lose(pod: string): void {
    this.#pods.get(pod)?.end();
    this.#pods.delete(pod);
  }

  /** Gives one of the pod's links another name, and no alias but another hardware address if asked to; returns whether there was one. */
  rename(pod: string, name: string, address: string | undefined): boolean {
    const sandbox = this.#pods.get(pod);
    const link = sandbox?.links()[0];
    if (sandbox === undefined || link === undefined || link.name === name) return false;
    using socket = RouteSocket.open({ namespace: sandbox.namespace });
    socket.execute(
      linkSet(link.index, { up: false, name, ...(address === undefined ? {} : { address, alias: '' }) }),
      linkSet(link.index, { up: true }),
    );
    return true;
  }

  /** Unplugs a link by deleting what it is plugged into, wherever it is. */
  unplug(name: string): void {
    using socket = RouteSocket.open();
    const gone = name === 'br-blue' ? name : `port-${name}`;
    if (socket.link({ name: gone }) === undefined) return;
    socket.execute(linkDelete({ name: gone }));
    this.removed.add(name);
  }

  /** How many links the pod has; undefined when it does not run. */
  linksIn(pod: string): number | undefined {
    return this.#pods.get(pod)?.links().length;
  }

  /** Throws unless each card that was not unplugged is in exactly one namespace: the host's, a pod's or a pinned one's. */
  assertCardsInOnePlace(): void {
    using host = RouteSocket.open();
    const ports = new Map(host.links().map(({ name, index }) => [name, index]));
    const places = this.#namespaces();
    try {
      for (const card of cards.filter((each) => !this.removed.has(each))) {
        const port = ports.get(`port-${card}`);
        const found = places.flatMap(({ place, links }) =>
          links.some((link) => link.kind === 'veth' && link.parent === port && link.name !== `port-${card}`)
            ? [place]
            : [],
        );
        if (found.length !== 1) throw new Error(`${card} is in ${found.join(' and ') || 'no namespace'}`);
      }
    } finally {
      for (const { namespace } of places) namespace.close();
    }
  }

  /** Ends all pods and claims as a kubelet would, with a new driver if there is none, and says what is left of it all. */
  async finish(): Promise<readonly string[]> {
    if (this.#driver === undefined) await this.start();
    for (const pod of [...this.#pods.keys()]) await this.stop(pod);
    await this.synchronize();
    for (const { name } of plannedClaims) await this.unprepare(name);
    await this.synchronize();
    await this.kill();
    return this.host.changes([...this.removed].flatMap((name) => [name, `port-${name}`]));
  }

  /** Lets go of everything, in whatever state it is. */
  async abandon(): Promise<void> {
    await this.kill();
    for (const pod of this.#pods.values()) pod.end();
    this.#pods.clear();
  }

  get #life(): DriverLife {
    if (this.#driver === undefined) throw new Error('the driver is dead');
    return this.#driver;
  }

  async #stopped(sandbox: ProofPod): Promise<void> {
    try {
      await this.#mortally(async () => {
        await this.#driver?.hooks.stopPodSandbox?.(sandbox.sandbox);
        await this.#driver?.hooks.removePodSandbox?.(sandbox.sandbox);
      });
    } finally {
      // The runtime does not wait for consent.
      this.#process.aside(() => sandbox.end());
    }
  }

  /** Has the driver do something, in which it may have to die. */
  async #mortally<T>(work: () => Promise<T>): Promise<T> {
    const death = this.#death;
    if (death !== undefined) this.#process.arm(death.effect, death.when);
    try {
      return await work();
    } finally {
      this.#process.disarm();
    }
  }

  #namespaces(): { place: string; namespace: NetworkNamespace; links: readonly Link[] }[] {
    const pins = join(this.host.stateDirectory, 'namespaces');
    const paths = [
      ['the host', '/proc/self/ns/net'] as const,
      ...[...this.#pods].map(([pod, { path }]) => [`pod ${pod}`, path] as const),
      ...readdirSync(pins, { withFileTypes: true }).map(
        ({ name }) => [`pin ${name}`, join(pins, name)] as const,
      ),
    ];
    const seen = new Set<string>();
    return paths.flatMap(([place, path]) => {
      let namespace: NetworkNamespace;
      try {
        namespace = NetworkNamespace.open(path);
      } catch {
        // A pin whose mount a dead driver has not made yet.
        return [];
      }
      if (seen.has(namespace.identity)) {
        namespace.close();
        return [];
      }
      seen.add(namespace.identity);
      using socket = RouteSocket.open({ namespace });
      return [{ place, namespace, links: socket.links() }];
    });
  }
}

function uidOf(name: string): string {
  return name.replaceAll(' ', '-');
}
