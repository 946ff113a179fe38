import { setTimeout as pause } from 'node:timers/promises';
import { errorFields, type LeaseKeeper, PodLinkWatch } from '@patchbay/core';
import type { DraPlugin, ResourceSlicePublisher } from '@patchbay/dra';
import { claimFlow, claimReports } from './claim-flow.ts';
import { recallClaims } from './claim-memory.ts';
import { deviceFlow } from './device-flow.ts';
import type { DriverOptions } from './driver-options.ts';
import { repairFlow } from './repair-flow.ts';
import { draPlugin, nriPlugin } from './driver-plugins.ts';
import { FileStateLocks } from '../kernel/file-state-locks.ts';
import { openHostServices } from './host-services.ts';

/** The lock of the instance that publishes. */
const publishing = 'publishing ResourceSlices';
/** The lock of the instance that keeps leases. */
const keepingLeases = 'keeping leases';
/** How often an instance looks whether the one that has such a lock has ended, in milliseconds. */
const otherInstancePauseMs = 250;

/** Wires the three flows: devices to the API server, claims from the kubelet, sandboxes from the runtime. */
export class Driver {
  readonly #options: DriverOptions;
  /** Aborted first: nothing new is begun. */
  readonly #ending = new AbortController();
  /** Aborted when the claims under way are done: what runs in the background ends. */
  readonly #stopping = new AbortController();
  readonly #background: Promise<unknown>[] = [];
  #started: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;
  /** What is open, or might still do something by itself: closed in the opposite order. No DisposableStack, which Node.js 20 does not have. */
  readonly #opened: Disposable[] = [];
  #plugin: DraPlugin | undefined;
  /** Whether this is the instance that publishes, and tells pods of their links. */
  #publishes = false;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /**
   * Starts everything in order: what is known from before, the devices, the kubelet's service, the runtime's hooks. Resolves when the
   * kubelet can register the driver; the runtime and the API server may come later, or go and come back. Resolves early, with nothing
   * more begun, when {@link stop} is called meanwhile.
   *
   * @throws when the host refuses what the driver cannot do without; StateDirectoryTakenError when the state is another driver's
   */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  /**
   * Ends in order: no more claims, no more hooks, then the kernel's sockets. What is attached stays attached. Waits for a start that is
   * under way. Calls after the first share its outcome.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #start(): Promise<void> {
    const { config, libraries, logger } = this.#options;
    if (this.#ending.signal.aborted) return;
    const locks = this.#open(FileStateLocks.open(config.state.directory, config.driverName, libraries));
    const { backends, leases, routes } = this.#open(openHostServices(this.#options));

    const memory = recallClaims(this.#options, locks);
    const watch = this.#open(PodLinkWatch.open(routes, logger.child({ component: 'pod links' })));
    const reports = claimReports(
      this.#options,
      memory,
      watch,
      () => devices.inventory.settleSoon(),
      () => this.#publishes,
    );
    this.#open(reports.links);
    const devices = deviceFlow(this.#options, backends, memory, reports.links);
    this.#open(devices.inventory);
    const claims = claimFlow(this.#options, backends, memory, devices.inventory, reports, locks, leases);
    const background = this.#stopping.signal;
    const repair = repairFlow(this.#options, backends, memory, claims, reports.links);
    const nri = nriPlugin(this.#options, claims, memory, repair, background);
    const resumed = reports.links.resume(memory.ledger.all());
    await repair.repairer.repair('start', background);
    if (this.#ending.signal.aborted) return;

    // In its turn: what another instance has under way is its own.
    this.#run(
      'what a preparation has left',
      memory.turn.run(async () => claims.addresses?.recover()),
    );
    this.#run('leases', this.#keepLeases(claims.addresses?.keeper, locks));
    this.#run('inventory', devices.inventory.run(background));
    await resumed;
    await devices.inventory.refresh(background);
    if (this.#ending.signal.aborted) return;
    this.#run('runtime connection', nri.run(background));
    this.#run('repair', repair.repairer.run(config.repair.intervalSeconds * 1000, background));
    this.#run('claim status', reports.status.run(background));
    this.#run('events', reports.events.run(background));
    this.#plugin = await draPlugin(this.#options, claims, memory, devices, repair);
    if (this.#ending.signal.aborted) return;
    await this.#plugin.start();
    if (this.#ending.signal.aborted) return;
    this.#run('features of the API server', devices.probe.run(background));
    this.#run('publisher', this.#publish(devices.publisher, locks));
    logger.info(
      {
        driver: config.driverName,
        backends: backends.kinds,
        claims: memory.ledger.all().length,
      },
      'driver started',
    );
  }

  /** During a rolling update the older instance publishes until it ends: two that disagree would take turns. */
  async #publish(publisher: ResourceSlicePublisher, locks: FileStateLocks): Promise<void> {
    await this.#whenAlone(publishing, locks);
    this.#publishes = true;
    await publisher.run(this.#stopping.signal);
  }

  /** Two instances that both prolong a lease would each be ahead of what the other knows. */
  async #keepLeases(keeper: LeaseKeeper | undefined, locks: FileStateLocks): Promise<void> {
    await this.#whenAlone(keepingLeases, locks);
    await keeper?.run(this.#stopping.signal);
  }

  /** Waits for a lock that an older instance has until it ends. */
  async #whenAlone(lock: string, locks: FileStateLocks): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted && !locks.tryLock(lock)) {
      await pause(otherInstancePauseMs, undefined, { signal }).catch(() => {});
    }
  }

  async #stop(): Promise<void> {
    this.#ending.abort();
    // Its failure is the caller of start's to hear of.
    await this.#started?.catch(() => {});
    await this.#plugin?.stop();
    this.#stopping.abort();
    await Promise.allSettled(this.#background);
    for (const part of this.#opened.toReversed()) part[Symbol.dispose]();
  }

  #open<T extends Disposable>(part: T): T {
    this.#opened.push(part);
    return part;
  }

  #run(what: string, work: Promise<unknown>): void {
    this.#background.push(
      work.catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        this.#options.logger.error(
          { part: what, ...errorFields(error) },
          'a part of the driver failed; ending',
        );
        process.exitCode = 1;
        process.kill(process.pid, 'SIGTERM');
      }),
    );
  }
}
