import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  attributeName,
  type BackendDevices,
  type BackendSelection,
  ClaimAttacher,
  ClaimJournal,
  ClaimLedger,
  ClaimPreparer,
  ClaimStatusReporter,
  ContainerGate,
  describeError,
  type Device,
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
  type DevicePool,
  DraPlugin,
  type KubeApi,
  ResourceSlicePublisher,
} from '@patchbay/dra';
import { NriPlugin } from '@patchbay/nri';
import type { DriverConfig } from '../configuration/driver-config.ts';
import type { DriverMetrics } from '../observability/driver-metrics.ts';
import { type HostServices, openHostServices } from './host-services.ts';

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

/** Wires the three flows: devices to the API server, claims from the kubelet, sandboxes from the runtime. */
export class Driver {
  readonly #options: DriverOptions;
  readonly #stopping = new AbortController();
  readonly #background: Promise<unknown>[] = [];
  #host: HostServices | undefined;
  #plugin: DraPlugin | undefined;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /**
   * Starts everything in order: what is known from before, the devices, the kubelet's service, the runtime's hooks. Resolves when the
   * kubelet can register the driver; the runtime and the API server may come later, or go and come back.
   *
   * @throws when the host refuses what the driver cannot do without
   */
  async start(): Promise<void> {
    const { config, backends: selections, api, metrics, logger } = this.#options;
    const { signal } = this.#stopping;
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    this.#host = openHostServices(selections, config.state.directory, logger);
    const { backends } = this.#host;

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

    const publisher = new ResourceSlicePublisher({
      api,
      driverName: config.driverName,
      nodeName: config.nodeName,
      logger: logger.child({ component: 'publisher' }),
      onError: () => metrics.publishErrors.inc(),
    });
    const inventory = new Inventory({
      backends,
      heldDevices: () =>
        ledger
          .all()
          .flatMap(({ devices }) =>
            devices
              .filter(({ adminAccess }) => !adminAccess)
              .map(({ kind, device }) => ({ kind, device: device as unknown as Device })),
          ),
      logger: logger.child({ component: 'inventory' }),
    });
    inventory.onChange((devices) => {
      metrics.observeDevices(devices);
      publisher.update(poolsOf(config.nodeName, devices));
    });

    const statusWriter = new ClaimStatusWriter({
      api,
      driverName: config.driverName,
      logger: logger.child({ component: 'status' }),
    });
    const claims = new KeyedMutex();
    const attacher = new ClaimAttacher({
      backends,
      ledger,
      gate,
      claims,
      observer: new ClaimStatusReporter(statusWriter, logger.child({ component: 'attachments' })),
      logger: logger.child({ component: 'attachments' }),
    });
    const preparer = new ClaimPreparer({
      nodeName: config.nodeName,
      bootId,
      backends,
      inventory,
      parameters: new InterfaceParameters(
        new Map(selections.map(({ module }) => [module.kind, module.parametersSchema])),
      ),
      ledger,
      attacher,
      gate,
      cdi,
      claims,
      logger: logger.child({ component: 'attachments' }),
    });
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
    this.#plugin = new DraPlugin({
      driverName: config.driverName,
      nodeName: config.nodeName,
      driver: preparer,
      holds,
      api,
      registryDirectory: config.kubelet.registryDirectory,
      pluginDirectory: join(config.kubelet.pluginsDirectory, config.driverName),
      logger: logger.child({ component: 'dra' }),
      onRequest: (request) => metrics.observeClaim(request),
      onRegistration: ({ registered }) => metrics.kubeletRegistered.set(registered ? 1 : 0),
    });
    const nri = new NriPlugin({
      name: nriPluginName,
      index: config.nri.pluginIndex,
      socketPath: config.nri.socketPath,
      logger: logger.child({ component: 'nri' }),
      handlers: runtimeHooks({
        ledger,
        attacher,
        gate,
        logger: logger.child({ component: 'hooks' }),
        signal,
      }),
      onRequest: (request) => {
        metrics.observeHook(request);
        const { method, durationMs } = request;
        logger.debug({ method, durationMs }, 'hook answered');
      },
      onConnectionChange: ({ connected }) => metrics.runtimeConnected.set(connected ? 1 : 0),
    });

    this.#run('inventory', inventory.run(signal));
    await inventory.refresh(signal);
    this.#run('runtime connection', nri.run(signal));
    this.#run('claim status', statusWriter.run(signal));
    await this.#plugin.start();
    this.#run('publisher', publisher.run(signal));
    logger.info(
      {
        driver: config.driverName,
        node: config.nodeName,
        backends: backends.kinds,
        claims: ledger.all().length,
      },
      'driver started',
    );
  }

  /** Ends in order: no more claims, no more hooks, then the kernel's sockets. What is attached stays attached. */
  async stop(): Promise<void> {
    await this.#plugin?.stop();
    this.#stopping.abort();
    await Promise.allSettled(this.#background);
    this.#host?.[Symbol.dispose]();
  }

  #run(what: string, work: Promise<unknown>): void {
    this.#background.push(
      work.catch((error: unknown) => {
        if (this.#stopping.signal.aborted) return;
        this.#options.logger.error(
          { part: what, error: describeError(error) },
          'a part of the driver failed; ending',
        );
        process.exitCode = 1;
        process.kill(process.pid, 'SIGTERM');
      }),
    );
  }
}

/** One pool for each backend, so that one backend's changes leave the other pools' slices alone. */
function poolsOf(nodeName: string, devices: readonly BackendDevices[]): DevicePool[] {
  return devices.map((backend) => ({
    name: `${nodeName}/${backend.kind}`,
    devices: backend.devices.map(
      ({ identity: _identity, links: _links, interfaceName: _name, ...device }) => ({
        ...device,
        attributes: { ...device.attributes, [attributeName('backend')]: { string: backend.kind } },
      }),
    ),
  }));
}
