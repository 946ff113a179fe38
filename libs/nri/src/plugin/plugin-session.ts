import type { Logger } from '../logger.ts';
import type { ContainerUpdate } from '../messages/container-update.ts';
import { decodeFailedUpdates, encodeUpdates } from '../messages/container-updates.ts';
import { nriType, runtimeServiceName } from '../messages/wire-schema.ts';
import { Mux } from '../mux/mux.ts';
import { pluginServiceConnection, runtimeServiceConnection } from '../mux/mux-frame.ts';
import { TtrpcClient } from '../ttrpc/ttrpc-client.ts';
import type { TtrpcRequest } from '../ttrpc/ttrpc-envelope.ts';
import { TtrpcServer } from '../ttrpc/ttrpc-server.ts';
import { ConnectionLostError } from './connection-errors.ts';
import type { RuntimeInfo } from './nri-handlers.ts';
import type { NriRequest } from './nri-plugin.ts';
import { pause } from './backoff.ts';
import type { RuntimeConnection } from './connect-to-runtime.ts';
import type { PluginService } from './plugin-service.ts';

const registerPluginRequest = nriType('RegisterPluginRequest');

/** How long a runtime may take from the connection to Synchronize: it may be busy with other plugins first, 5 s for each. */
const registrationPatienceMs = 60_000;
/** For calls to the runtime, which waits for a lock that it holds during hooks. */
const callTimeoutMs = 30_000;

/** For a runtime that does not read the last replies. */
const flushPatienceMs = 500;

/** What a session needs and whom it tells. */
export interface PluginSessionOptions {
  readonly connection: RuntimeConnection;
  readonly name: string;
  readonly index: string;
  readonly service: PluginService;
  readonly logger: Logger;
  /** From now on events are delivered. */
  onSynchronized(runtime: RuntimeInfo): void;
  onRequest?(request: NriRequest): void;
}

/** One connection to the runtime, from registration to its end. */
export class PluginSession {
  /** Resolves with the reason when the connection has ended, for whatever reason. */
  readonly ended: Promise<Error>;
  readonly #options: PluginSessionOptions;
  readonly #server: TtrpcServer;
  readonly #client: TtrpcClient;
  readonly #patience: NodeJS.Timeout;
  #synchronized = false;

  constructor(options: PluginSessionOptions) {
    const { connection, service } = options;
    const { socket } = connection;
    this.#options = options;
    const mux = new Mux(socket, connection.onBytes);
    this.#server = new TtrpcServer({
      send: (message) => mux.send(pluginServiceConnection, message),
      handle: (request) => service.handle(request),
      onAnswered: (request, startedAt, error) => this.#answered(request, startedAt, error),
    });
    this.#client = new TtrpcClient((message) => mux.send(runtimeServiceConnection, message));
    mux.onBytes(pluginServiceConnection, (bytes) => this.#server.receive(bytes));
    mux.onBytes(runtimeServiceConnection, (bytes) => this.#client.receive(bytes));

    let failure: Error | undefined;
    socket.on('error', (error) => (failure ??= error));
    const patience = setTimeout(
      () => socket.destroy(new ConnectionLostError('the runtime did not finish the registration')),
      registrationPatienceMs,
    );
    this.ended = new Promise((resolve) => {
      socket.on('close', () => {
        clearTimeout(patience);
        const reason = this.#reasonOf(failure);
        this.#client.close(reason);
        resolve(reason);
      });
    });
    this.#patience = patience;
  }

  /** Tells the runtime who we are; it then calls Configure and Synchronize. A refusal ends the session. */
  async register(): Promise<void> {
    const { name, index, connection } = this.#options;
    const payload = registerPluginRequest.encode({ pluginName: name, pluginIdx: index }).finish();
    const request = { service: runtimeServiceName, method: 'RegisterPlugin', payload };
    try {
      await this.#client.call(request, registrationPatienceMs);
    } catch (error) {
      connection.socket.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Returns those that failed. */
  async updateContainers(updates: readonly ContainerUpdate[]): Promise<readonly ContainerUpdate[]> {
    // UpdateContainersRequest and SynchronizeResponse have their updates under the same number.
    const payload = encodeUpdates(updates);
    const request = { service: runtimeServiceName, method: 'UpdateContainers', payload };
    return decodeFailedUpdates(await this.#client.call(request, callTimeoutMs));
  }

  /**
   * Ends the session once running handlers have answered, but not later than the runtime would wait for them: a runtime whose plugin
   * vanishes in a hook goes on without it.
   */
  async close(): Promise<void> {
    const { socket } = this.#options.connection;
    const timeout = new AbortController();
    const patience = pause(this.#options.service.runtime?.requestTimeoutMs ?? 0, timeout.signal);
    await Promise.race([this.#server.idle(), this.ended, patience]);
    socket.destroySoon();
    await Promise.race([this.ended, pause(flushPatienceMs, timeout.signal)]);
    timeout.abort();
    socket.destroy();
    await this.ended;
  }

  #answered(request: TtrpcRequest, startedAt: number, error: Error | undefined): void {
    const durationMs = performance.now() - startedAt;
    const method = request.label ?? request.method;
    const { service, logger, onRequest } = this.#options;
    const { runtime } = service;
    if (runtime !== undefined && durationMs > runtime.requestTimeoutMs) {
      const timeoutMs = runtime.requestTimeoutMs;
      logger.error(
        { method, durationMs, timeoutMs },
        'the answer was late: the runtime has gone on without it',
      );
    } else if (error !== undefined) {
      logger.warn({ method, durationMs, err: error }, 'the runtime was answered with an error');
    }
    try {
      onRequest?.({ method, durationMs, ...(error === undefined ? {} : { error }) });
    } catch (hookError) {
      logger.error({ method, err: hookError }, 'onRequest failed');
    }
    if (!this.#synchronized && service.synchronized && runtime !== undefined) {
      this.#synchronized = true;
      clearTimeout(this.#patience);
      this.#options.onSynchronized(runtime);
    }
  }

  #reasonOf(failure: Error | undefined): Error {
    // EPIPE and ECONNRESET only say that the other side was faster to close.
    const isLoss = failure === undefined || 'syscall' in failure;
    return isLoss ? new ConnectionLostError(this.#describeLoss(), { cause: failure }) : failure;
  }

  #describeLoss(): string {
    const { unanswered } = this.#server;
    if (unanswered.length > 0) {
      return `the runtime closed the connection while it waited for ${unanswered.join(', ')}; was the answer too late?`;
    }
    return this.#synchronized
      ? 'the runtime closed the connection'
      : 'the runtime closed the connection before the registration was complete; its log says why';
  }
}
