import { mkdir } from 'node:fs/promises';
import { DeviceHolds } from '../claims/device-holds.ts';
import { resolveClaim } from '../claims/resolve-claim.ts';
import type { DeviceHealthFeed } from '../health/device-health-feed.ts';
import { healthService } from '../health/health-service.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import { silentLogger } from '../logger.ts';
import type { Logger } from '../logger.ts';
import { ClaimOperations } from './claim-operations.ts';
import type { DraRequest } from './claim-operations.ts';
import type { DraDriver } from './dra-driver.ts';
import { GrpcSocket } from './grpc-socket.ts';
import type { GrpcService } from './grpc-socket.ts';
import {
  draHealthV1,
  draHealthV1alpha1,
  draPluginV1,
  draPluginV1beta1,
  registrationService,
} from './kubelet-services.ts';
import { draPluginImplementation, registrationImplementation } from './plugin-services.ts';
import type { RegistrationStatus } from './plugin-services.ts';
import { socketPaths } from './socket-paths.ts';
import type { SocketPaths } from './socket-paths.ts';

/** How a `DraPlugin` presents itself to the kubelet. */
export interface DraPluginOptions {
  /** DNS subdomain, at most 63 characters; the `driver` of ResourceSlices and allocations. */
  readonly driverName: string;
  readonly driver: DraDriver;
  /** Used to read the claims that are to be prepared. */
  readonly api: KubeApi;
  /**
   * Where the kubelet looks for registration sockets, usually `/var/lib/kubelet/plugins_registry`. The path must be the same in the
   * container as on the host, and so must `pluginDirectory`, because the kubelet is told the latter.
   */
  readonly registryDirectory: string;
  /** The driver's own directory, usually `/var/lib/kubelet/plugins/<driver>`; created when it is missing. */
  readonly pluginDirectory: string;
  readonly nodeName: string;
  /** UID of the driver's own pod: lets an old and a new instance serve side by side during a rolling update (kubelet 1.33+). */
  readonly podUID?: string;
  /** Filled by the driver from its journal before `start`; empty unless given. */
  readonly holds?: DeviceHolds;
  /**
   * Runs the work of one claim while no other instance of the driver does any; needed by drivers of which two instances may share their
   * state (rolling update). Called for each claim, also for several at a time: work of this instance may overlap. Before the first of it,
   * what other instances have changed must be in `holds`.
   */
  readonly inTurn?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Reports the health of devices to the kubelet (1.34+); the service is offered only with it. */
  readonly health?: DeviceHealthFeed;
  /** How long calls under way may go on after `stop`, in ms; 5,000 unless told otherwise. */
  readonly stopGraceMs?: number;
  readonly logger?: Logger;
  /** Told about every finished claim operation, for metrics. */
  readonly onRequest?: (request: DraRequest) => void;
  /** Told whenever the kubelet accepts or refuses the registration. */
  readonly onRegistration?: (status: RegistrationStatus) => void;
}

/** Longest driver name that the API server accepts (resource.k8s.io). */
const longestDriverName = 63;
const driverNamePattern = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/**
 * The kubelet-facing side of a driver: registers it and serves the claim calls, v1 and v1beta1, on Unix sockets.
 *
 * One object serves once: `start`, then `stop`.
 */
export class DraPlugin {
  /** Where the sockets are. */
  readonly sockets: SocketPaths;
  readonly #options: DraPluginOptions;
  readonly #logger: Logger;
  readonly #operations: ClaimOperations;
  readonly #stopping = new AbortController();
  readonly #service: GrpcSocket;
  readonly #registration: GrpcSocket;
  #registered = false;

  /** @throws RangeError for an impossible driver name, SocketPathTooLongError for directories that are too long. */
  constructor(options: DraPluginOptions) {
    if (options.driverName.length > longestDriverName || !driverNamePattern.test(options.driverName)) {
      throw new RangeError(
        `driverName '${options.driverName}' is not a DNS subdomain of at most ${longestDriverName} characters`,
      );
    }
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.sockets = socketPaths(options);
    this.#operations = new ClaimOperations({
      driver: options.driver,
      resolve: (claim, signal) => resolveClaim(options.api, options.driverName, claim, signal),
      holds: options.holds ?? new DeviceHolds(),
      logger: this.#logger,
      onRequest: (request) => options.onRequest?.(request),
      inTurn: options.inTurn ?? ((work) => work()),
    });
    const services = this.#services();
    this.#service = new GrpcSocket(
      this.sockets.service,
      services.map(({ service }) => service),
    );
    const info = {
      type: 'DRAPlugin',
      name: options.driverName,
      endpoint: this.sockets.service,
      supportedVersions: services.map(({ registeredAs }) => registeredAs),
    } as const;
    const implementation = registrationImplementation(info, (status) => this.#onRegistration(status));
    this.#registration = new GrpcSocket(this.sockets.registration, [
      { definition: registrationService, implementation },
    ]);
  }

  /** Whether the kubelet's last word was that it accepted the registration. */
  get registered(): boolean {
    return this.#registered;
  }

  /**
   * Serves, first the claim calls, then the registration: once the kubelet sees the latter it connects to the former.
   *
   * @throws SocketPathBlockedError, and the system's error when a socket cannot be bound; nothing is left behind then.
   */
  async start(): Promise<void> {
    await mkdir(this.#options.pluginDirectory, { recursive: true, mode: 0o750 });
    await mkdir(this.#options.registryDirectory, { recursive: true, mode: 0o750 });
    await this.#service.listen();
    try {
      await this.#registration.listen();
    } catch (error) {
      await this.#service.close(0);
      throw error;
    }
    this.#logger.info(
      { driver: this.#options.driverName, ...this.sockets },
      'waiting for the kubelet to register the driver',
    );
  }

  /**
   * Deregisters by removing the registration socket, then stops serving. Sockets that a successor has put in the same place stay.
   * Resolves when nothing is served and no driver call is under way any more.
   */
  async stop(): Promise<void> {
    const graceMs = this.#options.stopGraceMs ?? 5_000;
    this.#stopping.abort();
    await this.#registration.close(graceMs);
    await this.#service.close(graceMs);
    await this.#operations.idle();
    this.#registered = false;
  }

  #services(): { registeredAs: string; service: GrpcService }[] {
    const claims = (withShareIds: boolean) => draPluginImplementation(this.#operations, withShareIds);
    const services = [
      { registeredAs: 'v1.DRAPlugin', service: { definition: draPluginV1, implementation: claims(true) } },
      {
        registeredAs: 'v1beta1.DRAPlugin',
        service: { definition: draPluginV1beta1, implementation: claims(false) },
      },
    ];
    const feed = this.#options.health;
    if (feed !== undefined) {
      const implementation = healthService(feed, this.#stopping.signal);
      services.push(
        { registeredAs: 'v1.DRAResourceHealth', service: { definition: draHealthV1, implementation } },
        {
          registeredAs: 'v1alpha1.DRAResourceHealth',
          service: { definition: draHealthV1alpha1, implementation },
        },
      );
    }
    return services;
  }

  #onRegistration(status: RegistrationStatus): void {
    this.#registered = status.registered;
    if (status.registered)
      this.#logger.info({ driver: this.#options.driverName }, 'kubelet registered the driver');
    else {
      const fields = { driver: this.#options.driverName, reason: status.error };
      this.#logger.error(fields, 'kubelet refused the driver, it will try again');
    }
    this.#options.onRegistration?.(status);
  }
}
