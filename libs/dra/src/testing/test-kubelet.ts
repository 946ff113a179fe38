import { Client, credentials } from '@grpc/grpc-js';
import type { ClientReadableStream, MethodDefinition } from '@grpc/grpc-js';
import type { ClaimReference } from '../claims/allocated-claim.ts';
import {
  draHealthV1,
  draHealthV1alpha1,
  draPluginV1,
  draPluginV1beta1,
  registrationService,
} from '../plugin/kubelet-services.ts';

/** What a plugin answered to GetInfo. */
export interface AnsweredPluginInfo {
  readonly type: string;
  readonly name: string;
  readonly endpoint: string;
  readonly supportedVersions: readonly string[];
}

/** One entry of an answer to prepare. */
export interface AnsweredClaim {
  readonly devices: readonly {
    readonly requestNames: readonly string[];
    readonly poolName: string;
    readonly deviceName: string;
    readonly cdiDeviceIds: readonly string[];
    readonly shareId?: string;
  }[];
  /** Empty when the claim is prepared. */
  readonly error: string;
}

/** One message of the health stream. */
export interface AnsweredHealth {
  readonly devices: readonly {
    readonly device: { readonly poolName: string; readonly deviceName: string };
    readonly health: 'UNKNOWN' | 'HEALTHY' | 'UNHEALTHY';
    readonly lastUpdatedTime: number;
    readonly message: string;
  }[];
}

/** A call's options. */
export interface CallOptions {
  readonly version?: 'v1' | 'v1beta1';
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

/** Speaks to a plugin's sockets as the kubelet does; for tests of drivers. */
export class TestKubelet {
  readonly #clients = new Map<string, Client>();

  /** Asks a registration socket who is there. */
  getInfo(registrationSocket: string): Promise<AnsweredPluginInfo> {
    return this.#call(registrationSocket, registrationService['GetInfo'], {});
  }

  /** Tells the plugin whether it is registered. */
  notify(registrationSocket: string, registered: boolean, error = ''): Promise<unknown> {
    const request = { pluginRegistered: registered, error };
    return this.#call(registrationSocket, registrationService['NotifyRegistrationStatus'], request);
  }

  /** Both of the above; returns the plugin's info. */
  async register(registrationSocket: string): Promise<AnsweredPluginInfo> {
    const info = await this.getInfo(registrationSocket);
    await this.notify(registrationSocket, true);
    return info;
  }

  /** Prepares claims; the answer has an entry per claim UID. */
  async prepare(
    serviceSocket: string,
    claims: readonly ClaimReference[],
    options: CallOptions = {},
  ): Promise<Record<string, AnsweredClaim>> {
    const service = options.version === 'v1beta1' ? draPluginV1beta1 : draPluginV1;
    const answer = await this.#call<{ claims: Record<string, AnsweredClaim> }>(
      serviceSocket,
      service['NodePrepareResources'],
      { claims },
      options.signal,
    );
    return answer.claims;
  }

  /** Unprepares claims; the answer has an entry per claim UID. */
  async unprepare(
    serviceSocket: string,
    claims: readonly ClaimReference[],
    options: CallOptions = {},
  ): Promise<Record<string, { readonly error: string }>> {
    const service = options.version === 'v1beta1' ? draPluginV1beta1 : draPluginV1;
    const answer = await this.#call<{ claims: Record<string, { error: string }> }>(
      serviceSocket,
      service['NodeUnprepareResources'],
      { claims },
      options.signal,
    );
    return answer.claims;
  }

  /** Opens the health stream; end it with `cancel`. */
  watchHealth(
    serviceSocket: string,
    version: 'v1' | 'v1alpha1' = 'v1',
  ): ClientReadableStream<AnsweredHealth> {
    const method = defined((version === 'v1' ? draHealthV1 : draHealthV1alpha1)['NodeWatchResources']);
    return this.#client(serviceSocket).makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as (bytes: Buffer) => AnsweredHealth,
      {},
    );
  }

  /** Calls a method by its path on the wire, with an empty message. */
  callRaw(socket: string, path: string): Promise<Buffer> {
    const identity = (bytes: Buffer) => bytes;
    return new Promise((resolve, reject) => {
      this.#client(socket).makeUnaryRequest(path, identity, identity, Buffer.alloc(0), (error, answer) => {
        if (error) reject(error);
        else resolve(answer ?? Buffer.alloc(0));
      });
    });
  }

  /** Closes all connections. */
  close(): void {
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  #call<T>(
    socket: string,
    definition: MethodDefinition<object, object> | undefined,
    request: object,
    signal?: AbortSignal,
  ): Promise<T> {
    const method = defined(definition);
    return new Promise<T>((resolve, reject) => {
      const call = this.#client(socket).makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        (error, answer) => {
          if (error) reject(error);
          else resolve(answer as T);
        },
      );
      signal?.addEventListener('abort', () => call.cancel(), { once: true });
    });
  }

  #client(socket: string): Client {
    const client =
      this.#clients.get(socket) ??
      new Client(`unix:${socket}`, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
    this.#clients.set(socket, client);
    return client;
  }
}

function defined<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('no such method');
  return value;
}
