import type { ContainerUpdate } from '../messages/container-update.ts';
import type { Logger } from '../logger.ts';
import type { BackoffOptions } from './backoff.ts';
import type { NriHandlers, RuntimeInfo } from './nri-handlers.ts';

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
  readonly backoff?: Partial<BackoffOptions>;
  /** At every change, and at every failed attempt to connect. */
  onConnectionChange?(state: ConnectionState): void;
  /** After every answer to the runtime. Must not throw. */
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

/**
 * An NRI plugin: keeps itself registered with the container runtime and calls the handlers for the runtime's events.
 *
 * Wants one `run` per object. Survives every absence of the runtime.
 */
export class NriPlugin {
  /** @throws {@link InvalidPluginOptionsError} when a name, index or path cannot work. */
  constructor(options: NriPluginOptions) {
    void options;
  }

  /** Whether the runtime knows the plugin at this moment. */
  get connection(): ConnectionState {
    throw new Error('not written yet');
  }

  /** Connects, and connects again for as long as it takes. Resolves after `signal` is aborted and running handlers have answered. */
  run(signal: AbortSignal): Promise<void> {
    return Promise.reject(new Error('not written yet', { cause: signal }));
  }

  /**
   * Asks the runtime to change containers at any time.
   *
   * @returns the updates that the runtime could not apply.
   * @throws {@link NotConnectedError} without a connection, {@link TtrpcError} when the runtime refuses.
   */
  updateContainers(updates: readonly ContainerUpdate[]): Promise<readonly ContainerUpdate[]> {
    return Promise.reject(new Error('not written yet', { cause: updates }));
  }
}
