import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ClaimAttacher,
  ClaimJournal,
  ClaimLedger,
  ClaimPreparer,
  ClaimStatusReporter,
  ContainerGate,
  devicePools,
  errorFields,
  type BackendRegistry,
  type BackendSelection,
  heldDevices,
  InterfaceParameters,
  Inventory,
  KeyedMutex,
  type Logger,
  runtimeHooks,
} from '@patchbay/core';
import {
  CdiSpecStore,
  ClaimStatusWriter,
  DeviceHolds,
  DraPlugin,
  type KubeApi,
  ResourceSlicePublisher,
} from '@patchbay/dra';
import { NriPlugin } from '@patchbay/nri';
import type { DriverConfig } from '../configuration/driver-config.ts';
import type { DriverMetrics } from '../observability/driver-metrics.ts';
import { type HostServices, openHostServices } from './host-services.ts';
import { lockStateDirectory } from './state-lock.ts';

/** Name under which the runtime knows the driver. */
const nriPluginName = 'patchbay';

/** What a {@link Driver} is made of. */
export interface DriverOptions {
  readonly config: DriverConfig;
  readonly backends: readonly BackendSelection[];
  readonly api: KubeApi;
  readonly metrics: DriverMetrics;
  readonly logger: Logger;
}

/** What the driver remembers of claims: the journal, the containers' gates, the specs for the runtime. */
interface ClaimMemory {
  readonly bootId: string;
  readonly ledger: ClaimLedger;
  readonly gate: ContainerGate;
  readonly cdi: CdiSpecStore;
}

/** The flow of devices to the API server. */
interface DeviceFlow {
  readonly inventory: Inventory;
  readonly publisher: ResourceSlicePublisher;
}

/** The flow of claims: from the kubelet, into pods, and what the API server hears of it. */
interface ClaimFlow {
  readonly preparer: ClaimPreparer;
  readonly attacher: ClaimAttacher;
  readonly statusWriter: ClaimStatusWriter;
}

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
  #unlock: (() => void) | undefined;
  #host: HostServices | undefined;
  #plugin: DraPlugin | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /**
   * Starts everything in order: what is known from before, the devices, the kubelet's service, the runtime's hooks. Resolves when the
   * kubelet can register the driver; the runtime and the API server may come later, or go and come back. Resolves early, with nothing
   * more begun, when {@link stop} is called meanwhile.
   *
   * @throws when the host refuses what the driver cannot do without; StateDirectoryBusyError when another driver runs on the same state
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
    const { config, backends: selections, logger } = this.#options;
    if (this.#ending.signal.aborted) return;
    this.#unlock = await lockStateDirectory(config.state.directory);
    this.#host = openHostServices(selections, config.state.directory, logger);
    const { backends } = this.#host;

    const memory = await this.#recall();
    if (this.#ending.signal.aborted) return;
    const devices = this.#deviceFlow(backends, memory);
    const claims = this.#claimFlow(backends, memory, devices);
    const plugin = this.#draPlugin(claims, memory);
    const nri = this.#nriPlugin(claims, memory);

    this.#run('inventory', devices.inventory.run(this.#stopping.signal));
    await devices.inventory.refresh(this.#stopping.signal);
    if (this.#ending.signal.aborted) return;
    this.#run('runtime connection', nri.run(this.#stopping.signal));
    this.#run('claim status', claims.statusWriter.run(this.#stopping.signal));
    this.#plugin = plugin;
    await plugin.start();
    if (this.#ending.signal.aborted) return;
    this.#run('publisher', devices.publisher.run(this.#stopping.signal));
    logger.info(
      {
        driver: config.driverName,
        node: config.nodeName,
        backends: backends.kinds,
        claims: memory.ledger.all().length,
      },
      'driver started',
    );
  }

  async #stop(): Promise<void> {
    this.#ending.abort();
    // Its failure is the caller of start's to hear of.
    await this.#started?.catch(() => {});
    await this.#plugin?.stop();
    this.#stopping.abort();
    await Promise.allSettled(this.#background);
    this.#host?.[Symbol.dispose]();
    this.#unlock?.();
  }

  /** Reads what is known of claims, and makes specs and gates agree with it. */
  async #recall(): Promise<ClaimMemory> {
    const { config, logger } = this.#options;
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const ledger = new ClaimLedger(new ClaimJournal(join(config.state.directory, 'claims'), logger));
    const gate = new ContainerGate(join(config.state.directory, 'gates'));
    const cdi = new CdiSpecStore({
      directory: config.cdi.directory,
      vendor: config.driverName,
      class: 'claim',
    });
    for (const { claim } of await ledger.load(bootId)) {
      logger.info({ claimUID: claim.uid }, 'forgetting a claim of an earlier boot');
    }
    for (const claimUID of await cdi.list()) {
      if (ledger.get(claimUID) === undefined) await cdi.remove(claimUID);
    }
    gate.retain(ledger.all().map(({ claim }) => claim));
    return { bootId, ledger, gate, cdi };
  }

  #deviceFlow(backends: BackendRegistry, { ledger }: ClaimMemory): DeviceFlow {
    const { config, api, metrics, logger } = this.#options;
    const publisher = new ResourceSlicePublisher({
      api,
      driverName: config.driverName,
      nodeName: config.nodeName,
      logger: logger.child({ component: 'publisher' }),
      onError: () => metrics.publishErrors.inc(),
    });
    const inventory = new Inventory({
      backends,
      heldDevices: () => heldDevices(ledger.all()),
      logger: logger.child({ component: 'inventory' }),
    });
    inventory.onChange((devices) => {
      metrics.observeDevices(devices);
      publisher.update(devicePools(config.nodeName, devices));
    });
    return { inventory, publisher };
  }

  #claimFlow(backends: BackendRegistry, memory: ClaimMemory, { inventory }: DeviceFlow): ClaimFlow {
    const { config, backends: selections, api, logger } = this.#options;
    const statusWriter = new ClaimStatusWriter({
      api,
      driverName: config.driverName,
      logger: logger.child({ component: 'status' }),
    });
    const shared = {
      ...{ backends, ledger: memory.ledger, gate: memory.gate, claims: new KeyedMutex() },
      logger: logger.child({ component: 'attachments' }),
    };
    const attacher = new ClaimAttacher({
      ...shared,
      observer: new ClaimStatusReporter(statusWriter, shared.logger),
    });
    const preparer = new ClaimPreparer({
      ...shared,
      nodeName: config.nodeName,
      bootId: memory.bootId,
      inventory,
      parameters: new InterfaceParameters(
        new Map(selections.map(({ module }) => [module.kind, module.parametersSchema])),
      ),
      attacher,
      cdi: memory.cdi,
    });
    return { preparer, attacher, statusWriter };
  }

  #draPlugin({ preparer }: ClaimFlow, { ledger }: ClaimMemory): DraPlugin {
    const { config, api, metrics, logger } = this.#options;
    return new DraPlugin({
      driverName: config.driverName,
      nodeName: config.nodeName,
      driver: preparer,
      holds: holdsOf(ledger),
      api,
      registryDirectory: config.kubelet.registryDirectory,
      pluginDirectory: join(config.kubelet.pluginsDirectory, config.driverName),
      logger: logger.child({ component: 'dra' }),
      onRequest: (request) => metrics.observeClaim(request),
      onRegistration: ({ registered }) => metrics.kubeletRegistered.set(registered ? 1 : 0),
    });
  }

  #nriPlugin({ attacher }: ClaimFlow, { ledger, gate }: ClaimMemory): NriPlugin {
    const { config, metrics, logger } = this.#options;
    return new NriPlugin({
      name: nriPluginName,
      index: config.nri.pluginIndex,
      socketPath: config.nri.socketPath,
      logger: logger.child({ component: 'nri' }),
      handlers: runtimeHooks({
        ...{ ledger, attacher, gate },
        logger: logger.child({ component: 'hooks' }),
        signal: this.#stopping.signal,
      }),
      onRequest: (request) => {
        metrics.observeHook(request);
        const { method, durationMs } = request;
        logger.debug({ method, durationMs }, 'hook answered');
      },
      onConnectionChange: ({ connected }) => metrics.runtimeConnected.set(connected ? 1 : 0),
    });
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

/** The devices that prepared claims hold, for the plugin that gives no device away twice. */
function holdsOf(ledger: ClaimLedger): DeviceHolds {
  const holds = new DeviceHolds();
  for (const { claim, devices } of ledger.all()) {
    holds.hold(
      claim.uid,
      devices.map(({ pool, device, adminAccess, shareId }) => ({
        pool,
        device: device.name,
        adminAccess,
        ...(shareId === undefined ? {} : { shareId }),
      })),
    );
  }
  return holds;
}
