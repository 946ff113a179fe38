import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import type { ServerWritableStream, UntypedServiceImplementation } from '@grpc/grpc-js';
import { draDescriptor } from '../generated/dra-descriptor.ts';
import { serviceDefinition } from '../grpc/unary-client.ts';

/** A claim as a driver is asked for it. */
export interface AskedClaim {
  readonly namespace: string;
  readonly uid: string;
  readonly name: string;
}

/** One call that reached the driver. */
export interface DriverCall {
  readonly method: 'prepare' | 'unprepare';
  /** `v1` or `v1beta1`. */
  readonly version: string;
  readonly uids: readonly string[];
}

/** What a scripted driver answers; everything can be changed while it runs. */
export interface DriverScript {
  info: { type: string; name: string; endpoint: string; supportedVersions: string[] };
  /** Answer to NodePrepareResources by claim; a thrown error fails the whole call. */
  prepare: (claims: readonly AskedClaim[]) => Record<string, unknown> | Promise<Record<string, unknown>>;
  unprepare: (claims: readonly AskedClaim[]) => Record<string, unknown> | Promise<Record<string, unknown>>;
}

/** The registered name that this driver has in tests. */
export const scriptedDriverName = 'net.example.org';

/**
 * A DRA driver for the tests of the lab's kubelet: real sockets, real gRPC, answers from a script. By default it prepares one device
 * `eth1` of pool `node` for request `nic` with one CDI id per claim.
 */
export class ScriptedDriver {
  readonly script: DriverScript;
  readonly calls: DriverCall[] = [];
  /** What the kubelet said about the registration, in order; the error text, or `registered`. */
  readonly notifications: string[] = [];
  readonly registrationSocket: string;
  readonly endpoint: string;
  /** Versions of the health streams that the kubelet opened, in order. */
  readonly healthStreams: string[] = [];
  readonly #openStreams = new Set<ServerWritableStream<object, object>>();
  readonly #registration = new Server();
  #service = new Server();

  /**
   * @param directory for both sockets; the registry directory of the kubelet under test
   * @param instance distinguishes the sockets of several instances
   */
  constructor(directory: string, instance = '') {
    this.registrationSocket = join(directory, `${scriptedDriverName}${instance}-reg.sock`);
    this.endpoint = join(directory, `.${scriptedDriverName}${instance}.dra.sock`);
    this.script = {
      info: {
        type: 'DRAPlugin',
        name: scriptedDriverName,
        endpoint: this.endpoint,
        supportedVersions: ['v1.DRAPlugin', 'v1beta1.DRAPlugin'],
      },
      prepare: (claims) =>
        Object.fromEntries(claims.map(({ uid }) => [uid, { devices: [preparedDevice(uid)] }])),
      unprepare: (claims) => Object.fromEntries(claims.map(({ uid }) => [uid, {}])),
    };
  }

  /** Serves both sockets, the service first. */
  async start(): Promise<this> {
    await this.startService();
    const registration = serviceDefinition(draDescriptor, 'pluginregistration.Registration');
    this.#registration.addService(registration, {
      GetInfo: (_call: unknown, answer: (error: null, value: object) => void) => {
        answer(null, this.script.info);
      },
      NotifyRegistrationStatus: (
        call: { request: { pluginRegistered: boolean; error: string } },
        answer: (error: null, value: object) => void,
      ) => {
        this.notifications.push(call.request.pluginRegistered ? 'registered' : call.request.error);
        answer(null, {});
      },
    });
    await listen(this.#registration, this.registrationSocket);
    return this;
  }

  /** Serves the service socket, again after {@link ScriptedDriver.stopService}. */
  async startService(): Promise<void> {
    this.#service = new Server();
    for (const version of ['v1', 'v1beta1']) {
      const definition = serviceDefinition(draDescriptor, `k8s.io.kubelet.pkg.apis.dra.${version}.DRAPlugin`);
      this.#service.addService(definition, this.#implementation(version));
    }
    for (const version of ['v1', 'v1alpha1']) {
      this.#service.addService(serviceDefinition(draDescriptor, `${version}.DRAResourceHealth`), {
        NodeWatchResources: (stream: ServerWritableStream<object, object>) => {
          this.healthStreams.push(version);
          this.#openStreams.add(stream);
          stream.on('cancelled', () => this.#openStreams.delete(stream));
        },
      });
    }
    await listen(this.#service, this.endpoint);
  }

  /** Sends a complete list of `DeviceHealth` messages on every health stream that is open. */
  reportHealth(...devices: readonly object[]): void {
    for (const stream of this.#openStreams) stream.write({ devices });
  }

  /** Ends the health streams that are open. */
  endHealthStreams(): void {
    for (const stream of this.#openStreams) stream.end();
    this.#openStreams.clear();
  }

  /** How many health streams are open. */
  get openHealthStreams(): number {
    return this.#openStreams.size;
  }

  /** Breaks the service connection; the registration stays. */
  stopService(): void {
    this.#service.forceShutdown();
    rmSync(this.endpoint, { force: true });
  }

  /** Takes the registration socket away, as a driver does that ends. */
  unregister(): void {
    this.#registration.forceShutdown();
    rmSync(this.registrationSocket, { force: true });
  }

  stop(): void {
    this.unregister();
    this.stopService();
  }

  #implementation(version: string): UntypedServiceImplementation {
    const handler =
      (method: 'prepare' | 'unprepare') =>
      (
        call: { request: { claims: AskedClaim[] } },
        answer: (error: object | null, value?: object) => void,
      ): void => {
        const { claims } = call.request;
        this.calls.push({ method, version, uids: claims.map(({ uid }) => uid) });
        Promise.resolve(claims)
          .then((asked) => this.script[method](asked))
          .then(
            (entries) => {
              answer(null, { claims: entries });
            },
            (error: unknown) => {
              answer({
                code: status.INTERNAL,
                details: error instanceof Error ? error.message : String(error),
              });
            },
          );
      };
    return { NodePrepareResources: handler('prepare'), NodeUnprepareResources: handler('unprepare') };
  }
}

/** The device that a scripted driver prepares by default. */
export function preparedDevice(uid: string): {
  requestNames: string[];
  poolName: string;
  deviceName: string;
  cdiDeviceIds: string[];
  shareId?: string;
} {
  return {
    requestNames: ['nic'],
    poolName: 'node',
    deviceName: 'eth1',
    cdiDeviceIds: [`example.org/net=${uid}`],
  };
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
