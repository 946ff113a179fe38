import { type Logger, PodLinkWatch, type Repairer, runtimeHooks, silentLogger } from '@patchbay/core';
import { type AllocatedClaim, type ClaimReference, KubeApi } from '@patchbay/dra';
import type { ForeignLibraries } from '@patchbay/ffi';
import type { NriHandlers } from '@patchbay/nri';
import { backendModules } from '../backends.ts';
import { type ClaimFlow, claimFlow, claimReports } from '../composition/claim-flow.ts';
import { type ClaimMemory, recallClaims } from '../composition/claim-memory.ts';
import { type DeviceFlow, deviceFlow } from '../composition/device-flow.ts';
import type { DriverOptions } from '../composition/driver-options.ts';
import { FileStateLocks } from '../kernel/file-state-locks.ts';
import { openHostServices } from '../composition/host-services.ts';
import { repairFlow } from '../composition/repair-flow.ts';
import { parseDriverConfig } from '../configuration/load-driver-config.ts';
import { DriverMetrics } from '../observability/driver-metrics.ts';

/** A runtime that waits for its hooks: otherwise it would depend on how busy the machine is what is done when one has been answered. */
const patientRuntime = {
  ...{ name: 'containerd', version: 'v2.1.0', config: '' },
  ...{ registrationTimeoutMs: 600_000, requestTimeoutMs: 600_000 },
};

/** What a {@link DriverLife} is made with. */
export interface DriverLifeOptions {
  /** The configuration, as a user writes it, without apiVersion and kind. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly libraries: ForeignLibraries;
  readonly logger?: Logger;
}

/**
 * The driver from its start to its death, without the sockets to kubelet, runtime and API server: what they would ask for is called here. All
 * else is the real one, wired by the same functions. Whoever kills the process ends it as well as {@link end} does.
 */
export class DriverLife {
  /** What the runtime calls. */
  readonly hooks: NriHandlers;
  readonly memory: ClaimMemory;
  readonly devices: DeviceFlow;
  readonly #claims: ClaimFlow;
  readonly #repairer: Repairer;
  readonly #ending: AbortController;
  readonly #close: () => void;

  private constructor(
    parts: Pick<DriverLife, 'hooks' | 'memory' | 'devices'>,
    claims: ClaimFlow,
    repairer: Repairer,
    ending: AbortController,
    close: () => void,
  ) {
    this.hooks = parts.hooks;
    this.memory = parts.memory;
    this.devices = parts.devices;
    this.#claims = claims;
    this.#repairer = repairer;
    this.#ending = ending;
    this.#close = close;
  }

  /** Starts as `patchbay run` does, up to where the sockets would be opened. */
  static async begin({ config, libraries, logger = silentLogger }: DriverLifeOptions): Promise<DriverLife> {
    const text = JSON.stringify({ apiVersion: 'patchbay.dev/v1alpha1', kind: 'DriverConfig', ...config });
    const loaded = parseDriverConfig(text, backendModules, 'the configuration of the test');
    const options: DriverOptions = {
      ...{ ...loaded, libraries, logger },
      // Nothing is sent: what sends is only made, not run.
      api: new KubeApi({
        settings: () => Promise.reject(new Error('there is no API server')),
        close: () => {},
      }),
      metrics: new DriverMetrics(),
    };
    using opened = new DisposableStack();
    const locks = opened.use(
      FileStateLocks.open(options.config.state.directory, options.config.driverName, libraries),
    );
    const host = opened.use(openHostServices(options));
    const memory = recallClaims(options, locks);
    const watch = opened.use(PodLinkWatch.open(host.routes, logger));
    const reports = claimReports(options, memory, watch, () => {});
    opened.use(reports.links);
    const devices = deviceFlow(options, host.backends, memory, reports.links);
    opened.use(devices.inventory);
    const claims = claimFlow(options, host.backends, memory, devices.inventory, reports, locks, host.leases);
    const ending = new AbortController();
    const { signal } = ending;
    const { pods, repairer } = repairFlow(options, host.backends, memory, claims, reports.links);
    const hooks = runtimeHooks({ ...memory, attacher: claims.attacher, pods, repairer, logger, signal });
    await hooks.configure?.(patientRuntime);
    const resumed = reports.links.resume(memory.ledger.all());
    await repairer.repair('start', signal);
    claims.addresses?.recover();
    void claims.addresses?.keeper.run(signal);
    await resumed;
    await devices.inventory.refresh(signal);
    const kept = opened.move();
    return new DriverLife({ hooks, memory, devices }, claims, repairer, ending, () => kept.dispose());
  }

  /** The kubelet's NodePrepareResources for a claim whose allocation is known. */
  async prepare(claim: AllocatedClaim): Promise<void> {
    await this.memory.turn.run(() => this.#claims.preparer.prepareClaim(claim, this.#ending.signal));
  }

  /** The kubelet's NodeUnprepareResources for a claim. */
  async unprepare(claim: ClaimReference): Promise<void> {
    await this.memory.turn.run(() => this.#claims.preparer.unprepareClaim(claim, this.#ending.signal));
  }

  /** A turn of the timer. */
  async repair(): Promise<void> {
    await this.#repairer.repair('timer', this.#ending.signal);
  }

  /** Ends at once and leaves everything as it is, so that the same process can begin the next life. */
  end(): void {
    this.#ending.abort();
    this.#close();
  }
}
