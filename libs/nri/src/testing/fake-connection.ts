import type { Socket } from 'node:net';
import { plainDecoder, type PlainMessage } from '../messages/plain-decoder.ts';
import { nriType, pluginServiceName, runtimeServiceName } from '../messages/wire-schema.ts';
import { Mux } from '../mux/mux.ts';
import { pluginServiceConnection, runtimeServiceConnection } from '../mux/mux-frame.ts';
import { TtrpcClient } from '../ttrpc/ttrpc-client.ts';
import { statusCodes, TtrpcError, TtrpcRejection } from '../ttrpc/ttrpc-error.ts';
import { TtrpcServer } from '../ttrpc/ttrpc-server.ts';

/** A message as it came over the wire: NRI's field names in camel case. */
export type WireMessage = PlainMessage;

/** A plugin that connected to the fake runtime. */
export class FakeConnection {
  /** Name and index that it registered with. */
  readonly registered: Promise<{ readonly name: string; readonly index: string }>;
  /** Updates that the plugin asked for on its own. */
  readonly updateRequests: WireMessage[] = [];
  readonly #socket: Socket;
  readonly #client: TtrpcClient;
  readonly #timeoutMs: number;

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    const mux = new Mux(socket);
    let onRegistered: (plugin: { name: string; index: string }) => void;
    this.registered = new Promise((resolve) => (onRegistered = resolve));
    const server = new TtrpcServer({
      send: (message) => mux.send(runtimeServiceConnection, message),
      handle: ({ service, method, payload }) => {
        if (service === runtimeServiceName && method === 'RegisterPlugin') {
          const { pluginName, pluginIdx } = decode('RegisterPluginRequest', payload);
          onRegistered({ name: String(pluginName), index: String(pluginIdx) });
          return new Uint8Array();
        }
        if (service === runtimeServiceName && method === 'UpdateContainers') {
          this.updateRequests.push(
            ...(decode('UpdateContainersRequest', payload)['update'] as WireMessage[]),
          );
          return new Uint8Array();
        }
        throw new TtrpcRejection(statusCodes.unimplemented, `the fake runtime has no ${service}/${method}`);
      },
    });
    this.#client = new TtrpcClient((message) => mux.send(pluginServiceConnection, message));
    mux.onBytes(runtimeServiceConnection, (bytes) => server.receive(bytes));
    mux.onBytes(pluginServiceConnection, (bytes) => this.#client.receive(bytes));
    socket.on('error', () => undefined);
    socket.on('close', () =>
      this.#client.close(new TtrpcError(statusCodes.unavailable, 'the plugin closed the connection')),
    );
  }

  /** Whether the plugin is still there. */
  get open(): boolean {
    return !this.#socket.destroyed;
  }

  /** Calls the plugin. Like a runtime it drops a plugin that takes too long, and then rejects with DEADLINE_EXCEEDED. */
  async call(method: string, requestType: string, request: object, replyType: string): Promise<WireMessage> {
    const payload = nriType(requestType).encode(request).finish();
    try {
      const reply = await this.#client.call({ service: pluginServiceName, method, payload }, this.#timeoutMs);
      return decode(replyType, reply);
    } catch (error) {
      if (error instanceof TtrpcError && error.code === statusCodes.deadlineExceeded) this.drop();
      throw error;
    }
  }

  /** Closes the connection without a word, as runtimes do. */
  drop(): void {
    this.#socket.destroy();
  }
}

function decode(type: string, payload: Uint8Array): WireMessage {
  return plainDecoder(nriType(type))(payload);
}
