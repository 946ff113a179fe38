import type { ContainerUpdate } from '../messages/container-update.ts';
import type { Logger } from '../logger.ts';
import { silentLogger } from '../logger.ts';
import type { BackoffOptions } from './backoff.ts';
import { Backoff, pause } from './backoff.ts';
import { connectToRuntime } from './connect-to-runtime.ts';
import {
  InvalidPluginOptionsError,
  NotConnectedError,
  RuntimeUnreachableError,
} from './connection-errors.ts';
import type { EventMethod } from './event-methods.ts';
import { eventMethods, prepareEventMethods } from './event-methods.ts';
import type { NriHandlers, RuntimeInfo } from './nri-handlers.ts';
import { PluginService } from './plugin-service.ts';
import { PluginSession } from './plugin-session.ts';

/** How a plugin is set up. */
export interface NriPluginOptions {
  /** Out of a-z, A-Z, 0-9 and '_.+-'. */
  readonly name: string;
  /** '00' to '99': runtimes call plugins in this order. */
  readonly index: string;
  /** The runtime's NRI socket, usually /var/run/nri/nri.sock. */
  readonly socketPath: string;
  readonly handlers: NriHandlers;
  readonly logger?: Logger;
  /** 50 ms at first and 1 s at most by default: connecting costs nothing, and while it is missing pods start without the plugin. */
  readonly backoff?: Partial<BackoffOptions>;
  /** At every change, and at every failed attempt to connect. What it throws is logged. */
  onConnectionChange?(state: ConnectionState): void;
  /** After every answer to the runtime. What it throws is logged. */
  onRequest?(request: NriRequest): void;
}

/** Whether the runtime knows the plugin. */
export interface ConnectionState {
  /** True from the answer to Synchronize on: from then on events are delivered. */
  readonly connected: boolean;
  /** How many attempts to connect failed since the last connection. */
  readonly attempt: number;
  /** Why there is no connection. */
  readonly error?: Error;
  /** The runtime at the other end, while connected. */
  readonly runtime?: RuntimeInfo;
}

/** A request of the runtime that was answered. */
export interface NriRequest {
  /** Name of the event, 'RunPodSandbox', also when an old runtime sent it as StateChange. */
  readonly method: string;
  /** From the request's last byte read to the reply written. */
  readonly durationMs: number;
  /** What the handler failed with. */
  readonly error?: Error;
}

/** How often a lasting absence of the runtime is logged again. */
const reminderMs = 60_000;

/**
 * An NRI plugin: keeps itself registered with the container runtime and calls the handlers for the runtime's events.
 *
 * Survives every absence of the runtime: it connects again, forever, when the runtime is not there yet, restarts, or drops the plugin
 * because an answer was late.
 */
export class NriPlugin {
  readonly #options: NriPluginOptions;
  readonly #logger: Logger;
  readonly #methods: readonly EventMethod[];
  readonly #backoff: Backoff;
  #session: PluginSession | undefined;
  #state: ConnectionState = { connected: false, attempt: 0 };
  #running = false;
  #lastReport: { readonly text: string; readonly at: number } | undefined;

  /** @throws {@link InvalidPluginOptionsError} when a name, index or path cannot work. */
  constructor(options: NriPluginOptions) {
    const issues = optionIssues(options);
    if (issues.length > 0) throw new InvalidPluginOptionsError(issues);
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#methods = eventMethods(options.handlers);
    this.#backoff = new Backoff({ initialMs: 50, maximumMs: 1000, ...options.backoff });
  }

  /** Whether the runtime knows the plugin at this moment. */
  get connection(): ConnectionState {
    return this.#state;
  }

  /**
   * Connects, and connects again for as long as it takes. Resolves after `signal` is aborted and running handlers have answered. Never
   * rejects but for being called while it runs.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#running) throw new Error('the NRI plugin is running already');
    this.#running = true;
    prepareEventMethods(this.#options.handlers);
    try {
      while (!signal.aborted) {
        const failure = await this.#connectOnce(signal);
        if (signal.aborted) break;
        const attempt = this.#backoff.failures + 1;
        this.#change({ connected: false, attempt, error: failure });
        await pause(this.#backoff.next(), signal);
      }
      this.#change({ connected: false, attempt: 0 });
    } finally {
      this.#running = false;
    }
  }

  /**
   * Asks the runtime to change containers at any time.
   *
   * @returns the updates that the runtime could not apply.
   * @throws {@link NotConnectedError} without a connection, {@link TtrpcError} when the runtime refuses.
   */
  async updateContainers(updates: readonly ContainerUpdate[]): Promise<readonly ContainerUpdate[]> {
    if (this.#session === undefined || !this.#state.connected) throw new NotConnectedError();
    return this.#session.updateContainers(updates);
  }

  /** One connection, from the attempt to its end. Returns why it ended. */
  async #connectOnce(signal: AbortSignal): Promise<Error> {
    const { name, index, socketPath, handlers, onRequest } = this.#options;
    const logger = this.#logger;
    const connection = await connectToRuntime(socketPath, signal).catch((error: Error) => error);
    if (connection instanceof Error) {
      this.#reportAbsence(connection);
      return connection;
    }
    const session = new PluginSession({
      connection,
      name,
      index,
      logger,
      service: new PluginService(handlers, this.#methods, logger),
      ...(onRequest === undefined ? {} : { onRequest: onRequest.bind(this.#options) }),
      onSynchronized: (runtime) => {
        this.#backoff.reset();
        this.#lastReport = undefined;
        logger.info({ socketPath, runtime }, 'registered with the runtime');
        this.#change({ connected: true, attempt: 0, runtime });
      },
    });
    this.#session = session;
    const stop = (): void => void session.close();
    signal.addEventListener('abort', stop, { once: true });
    void session.register();
    const reason = await session.ended;
    signal.removeEventListener('abort', stop);
    this.#session = undefined;
    if (!signal.aborted) this.#reportAbsence(reason);
    return reason;
  }

  #change(state: ConnectionState): void {
    this.#state = state;
    try {
      this.#options.onConnectionChange?.(state);
    } catch (error) {
      this.#logger.error({ err: error }, 'onConnectionChange failed');
    }
  }

  /** Once when the reason changes, then every minute; in between only for who debugs. */
  #reportAbsence(error: Error): void {
    const { socketPath } = this.#options;
    const now = performance.now();
    const last = this.#lastReport;
    const fields = { socketPath, attempt: this.#backoff.failures + 1, err: error };
    const text =
      error instanceof RuntimeUnreachableError ? 'waiting for the runtime' : 'connection to the runtime lost';
    if (last !== undefined && last.text === error.message && now - last.at < reminderMs) {
      this.#logger.debug(fields, text);
    } else {
      this.#lastReport = { text: error.message, at: now };
      this.#logger.warn(fields, text);
    }
  }
}

/** What runtimes check too (containerd/nri, pkg/api/plugin.go), but would only say in their own log. */
function optionIssues({ name, index, socketPath }: NriPluginOptions): string[] {
  const issues: string[] = [];
  if (!/^[a-zA-Z0-9_.+-]+$/.test(name))
    issues.push(`name is "${name}", it must be made of a-z, A-Z, 0-9 and _.+-`);
  if (!/^[0-9]{2}$/.test(index)) issues.push(`index is "${index}", it must be two digits`);
  if (socketPath === '' || Buffer.byteLength(socketPath) > 107) {
    issues.push(`socketPath is "${socketPath}", it must have 1 to 107 bytes: unix(7) has no room for more`);
  }
  return issues;
}
