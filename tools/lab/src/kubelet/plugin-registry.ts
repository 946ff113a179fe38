import { pause } from '../waiting/wait-until.ts';
import type { DeviceHealthCache } from './device-health-cache.ts';
import type { DraProtocolError } from './dra-protocol-error.ts';
import { DraService } from './dra-service.ts';
import { HealthStream } from './health-stream.ts';
import type { DraServiceName, HealthServiceName, KubeletRelease } from './kubelet-release.ts';
import { RegistrationClient, judgePluginInfo } from './plugin-info.ts';
import type { PluginInfo } from './plugin-info.ts';
import { RegistryDirectory } from './registry-directory.ts';

/** A driver that has registered. */
export interface RegisteredPlugin {
  readonly driverName: string;
  /** Socket in the registry directory. */
  readonly registrationSocket: string;
  /** Socket of the driver's service. */
  readonly endpoint: string;
  /** The service in use, the first that kubelet and driver both know. */
  readonly service: DraServiceName;
  /** The service that health is read from; undefined for none. */
  readonly healthService?: HealthServiceName;
  /** All that the driver said it serves. */
  readonly supportedVersions: readonly string[];
}

/** How a {@link PluginRegistry} is set up; times in ms. */
export interface PluginRegistryOptions {
  readonly directory: string;
  readonly release: KubeletRelease;
  readonly callTimeoutMs: number;
  /** Not heeded by releases that wipe at once. */
  readonly wipeDelayMs: number;
  readonly retryMs: number;
  readonly longestRetryMs: number;
  /** Between the end of a health stream and the next one. */
  readonly healthRetryMs: number;
  /** Where drivers' reports go. */
  readonly health: DeviceHealthCache;
  /** Deletes the slices of a driver that has been away for `wipeDelayMs`. */
  readonly wipe: (driverName: string) => void;
  /** Told of every registration that failed, with the kubelet's words. */
  readonly onRefused: (socket: string, message: string) => void;
  /** Told of what drivers do outside of calls that the protocol forbids. */
  readonly onViolation: (error: DraProtocolError) => void;
}

interface Registration extends RegisteredPlugin {
  readonly client: DraService;
  readonly healthStream: HealthStream | undefined;
  connected: boolean;
}

/**
 * The kubelet's plugin manager: registers what appears in the registry directory, deregisters what vanishes, and wipes the slices of
 * drivers that stay away. Where the release has it, several instances of one driver may be registered at a time; the newest is used.
 */
export class PluginRegistry {
  readonly #options: PluginRegistryOptions;
  readonly #directory: RegistryDirectory;
  /** Oldest first. */
  readonly #registrations: Registration[] = [];
  /** Names of the drivers that registered with a socket that is still there, also of those that were replaced since. */
  readonly #accepted = new Map<string, string>();
  /** What ends the attempts to register a socket. */
  readonly #attempts = new Map<string, AbortController>();
  readonly #wipes = new Map<string, NodeJS.Timeout>();

  constructor(options: PluginRegistryOptions) {
    this.#options = options;
    this.#directory = new RegistryDirectory(options.directory, {
      onAdded: (socket) => void this.#register(socket),
      onRemoved: (socket) => {
        this.#deregister(socket);
      },
    });
  }

  start(): void {
    this.#directory.start();
  }

  /** Forgets all drivers without wiping anything, as a kubelet that exits. */
  stop(): void {
    this.#directory.stop();
    for (const controller of this.#attempts.values()) controller.abort();
    this.#attempts.clear();
    for (const timer of this.#wipes.values()) clearTimeout(timer);
    this.#wipes.clear();
    this.#accepted.clear();
    for (const registration of [...this.#registrations]) this.#remove(registration);
  }

  /** All registered instances, oldest first. */
  get plugins(): readonly RegisteredPlugin[] {
    return this.#registrations.map(
      ({ driverName, registrationSocket, endpoint, service, healthService, supportedVersions }) => ({
        driverName,
        registrationSocket,
        endpoint,
        service,
        ...(healthService === undefined ? {} : { healthService }),
        supportedVersions,
      }),
    );
  }

  /**
   * The service of a driver's newest instance, one that is connected where there is a choice.
   *
   * @throws Error when the driver is not registered
   */
  service(driverName: string): DraService {
    const instances = this.#registrations.filter((registration) => registration.driverName === driverName);
    const instance = instances.findLast(({ connected }) => connected) ?? instances.at(-1);
    if (!instance) throw new Error(`DRA driver ${driverName} is not registered`);
    return instance.client;
  }

  async #register(socket: string): Promise<void> {
    const controller = new AbortController();
    this.#attempts.set(socket, controller);
    for (let delay = this.#options.retryMs; ; delay = Math.min(2 * delay, this.#options.longestRetryMs)) {
      const refusal = await this.#attempt(socket, controller.signal);
      if (refusal === undefined || controller.signal.aborted) return;
      this.#options.onRefused(socket, refusal);
      await pause(delay, controller.signal);
      if (controller.signal.aborted) return;
    }
  }

  /** @returns why the registration failed; undefined when it did not, or when nobody wants it any more */
  async #attempt(socket: string, signal: AbortSignal): Promise<string | undefined> {
    const client = new RegistrationClient(socket);
    try {
      const info = await client.getInfo();
      if (signal.aborted) return undefined;
      const refusal = this.#accept(socket, info);
      if (refusal !== undefined) {
        const message = `RegisterPlugin error -- ${refusal}`;
        // A driver answers this with an error of its own; the refusal stands either way.
        await client.notify(false, message).catch(() => undefined);
        return message;
      }
      // A driver that fails here stays registered: the kubelet has no way back at this point.
      await client.notify(true).catch((error: unknown) => {
        const message = `RegisterPlugin error -- failed to send registration status: ${String(error)}`;
        if (!signal.aborted) this.#options.onRefused(socket, message);
      });
      return undefined;
    } catch (error) {
      return `RegisterPlugin error -- failed to get plugin info using RPC GetInfo: ${String(error)}`;
    } finally {
      client.close();
    }
  }

  /** @returns why the plugin is not accepted; undefined when it is, and registered now */
  #accept(socket: string, info: PluginInfo): string | undefined {
    const plugin = { ...info, endpoint: info.endpoint === '' ? socket : info.endpoint };
    const { release } = this.#options;
    const verdict = judgePluginInfo(plugin, release);
    if ('refusal' in verdict) return `plugin validation failed with err: ${verdict.refusal}`;
    const { name: driverName, endpoint, supportedVersions } = plugin;
    const others = this.#registrations.filter((other) => other.driverName === driverName);
    if (!release.severalInstances) for (const other of others) this.#remove(other);
    else if (others.some((other) => other.endpoint === endpoint)) {
      return `plugin registration failed with err: endpoint ${endpoint} already registered for plugin ${driverName}`;
    }
    const { service, healthService } = verdict;
    this.#accepted.set(socket, driverName);
    this.#add({
      driverName,
      registrationSocket: socket,
      endpoint,
      service,
      ...(healthService === undefined ? {} : { healthService }),
      supportedVersions,
    });
    return undefined;
  }

  #add(plugin: RegisteredPlugin): void {
    const { driverName } = plugin;
    const client = new DraService(driverName, plugin.endpoint, plugin.service, this.#options.callTimeoutMs);
    const healthStream = this.#watchHealth(plugin);
    const registration: Registration = { ...plugin, client, healthStream, connected: false };
    this.#registrations.push(registration);
    this.#keepSlices(driverName);
    if (!this.#options.release.watchesConnections) return;
    client.watchConnection((connected) => {
      registration.connected = connected;
      if (!this.#registrations.includes(registration)) return;
      if (connected) this.#keepSlices(driverName);
      else this.#wipeLater(driverName);
    });
  }

  #watchHealth({ driverName, endpoint, healthService }: RegisteredPlugin): HealthStream | undefined {
    if (healthService === undefined) return undefined;
    const { health, healthRetryMs, onViolation } = this.#options;
    return new HealthStream({
      driverName,
      endpoint,
      service: healthService,
      retryMs: healthRetryMs,
      onReport: (reports) => {
        health.report(driverName, reports);
      },
      onEnd: () => {
        health.clear(driverName);
      },
      onViolation,
    });
  }

  #remove(registration: Registration): void {
    this.#registrations.splice(this.#registrations.indexOf(registration), 1);
    registration.client.close();
    registration.healthStream?.close();
  }

  #deregister(socket: string): void {
    this.#attempts.get(socket)?.abort();
    this.#attempts.delete(socket);
    const driverName = this.#accepted.get(socket);
    this.#accepted.delete(socket);
    // Before several instances were known, the plugin manager told a driver's end by its name alone.
    const ended = this.#registrations.filter((registration) =>
      this.#options.release.severalInstances
        ? registration.registrationSocket === socket
        : registration.driverName === driverName,
    );
    for (const registration of ended) {
      this.#remove(registration);
      this.#wipeLater(registration.driverName);
    }
  }

  #keepSlices(driverName: string): void {
    clearTimeout(this.#wipes.get(driverName));
    this.#wipes.delete(driverName);
  }

  #wipeLater(driverName: string): void {
    const { release, wipeDelayMs } = this.#options;
    const usable = ({ connected }: Registration) => connected || !release.watchesConnections;
    if (this.#registrations.some((other) => other.driverName === driverName && usable(other))) return;
    if (this.#wipes.has(driverName)) return;
    const wipe = () => {
      this.#wipes.delete(driverName);
      this.#options.wipe(driverName);
    };
    if (!release.wipesLater) {
      wipe();
      return;
    }
    const timer = setTimeout(wipe, wipeDelayMs);
    timer.unref();
    this.#wipes.set(driverName, timer);
  }
}
