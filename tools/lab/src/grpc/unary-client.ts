import { Client, Metadata, connectivityState, credentials } from '@grpc/grpc-js';
import type { MethodDefinition, ServiceDefinition, ServiceError } from '@grpc/grpc-js';
import { fromJSON } from '@grpc/proto-loader';
import { RpcError } from './rpc-error.ts';

/** Message descriptors as `npm run generate` writes them: protobuf.js JSON. */
export interface MessageDescriptor {
  readonly nested: object;
}

/** How one call is made. */
export interface CallOptions {
  /** Milliseconds until the call fails with DEADLINE_EXCEEDED. */
  readonly timeoutMs: number;
  /** Ends the call with CANCELLED. */
  readonly signal?: AbortSignal;
}

/**
 * Finds a service in message descriptors. Fields read as their JavaScript names, 64-bit numbers as `number`, enums as their names,
 * absent scalars, lists and maps as their defaults and absent messages as `null`.
 *
 * @param name full wire name, such as `runtime.v1.RuntimeService`
 * @throws Error when the descriptors do not have it
 */
export function serviceDefinition(descriptor: MessageDescriptor, name: string): ServiceDefinition {
  const definition = fromJSON(descriptor as Parameters<typeof fromJSON>[0], {
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  })[name];
  if (definition === undefined || 'format' in definition)
    throw new Error(`no service ${name} in the descriptor`);
  return definition;
}

/** A client for the unary methods of one service on a unix socket. Reconnects fast: lab servers are killed often. */
export class UnaryClient {
  readonly #client: Client;
  readonly #service: ServiceDefinition;
  #closed = false;

  /** @param socket path of the unix socket; need not exist yet */
  constructor(socket: string, service: ServiceDefinition) {
    this.#service = service;
    this.#client = new Client(`unix:${socket}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.min_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 500,
      'grpc.max_receive_message_length': 16 * 1024 * 1024,
    });
  }

  /**
   * Calls a method. `Response` is the caller's statement of the answer's shape; the descriptor guarantees it.
   *
   * @throws RpcError when the server answers with an error, cannot be reached, or the time is up
   */
  call<Response extends object>(name: string, request: object, options: CallOptions): Promise<Response> {
    const method: MethodDefinition<object, object> | undefined = this.#service[name];
    if (method === undefined) throw new TypeError(`the service has no method ${name}`);
    return new Promise<Response>((resolve, reject) => {
      const onAbort = () => {
        call.cancel();
      };
      const call = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + options.timeoutMs },
        (error: ServiceError | null, response?: object) => {
          options.signal?.removeEventListener('abort', onAbort);
          if (error) reject(new RpcError(name, error.code, error.details, { cause: error }));
          else resolve(response as Response);
        },
      );
      if (options.signal?.aborted) onAbort();
      else options.signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /**
   * Keeps the connection up also without calls, and tells when it is made and when it is lost.
   *
   * @param onChange not called before the first connection is made
   */
  watchConnection(onChange: (connected: boolean) => void): void {
    const channel = this.#client.getChannel();
    let connected = false;
    const look = () => {
      if (this.#closed) return;
      const state = channel.getConnectivityState(true);
      const now = state === connectivityState.READY;
      if (now !== connected) {
        connected = now;
        onChange(now);
      }
      channel.watchConnectivityState(state, Infinity, look);
    };
    look();
  }

  /** Closes the connection; calls under way fail. */
  close(): void {
    this.#closed = true;
    this.#client.close();
  }
}
