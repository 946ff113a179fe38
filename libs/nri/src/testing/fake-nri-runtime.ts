import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import type { Container } from '../messages/container.ts';
import type { LinuxResources } from '../messages/linux-resources.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';
import { nriEvents } from '../plugin/nri-events.ts';
import { statusCodes, TtrpcError } from '../ttrpc/ttrpc-error.ts';
import { FakeConnection } from './fake-connection.ts';
import type { WireMessage } from './fake-connection.ts';
import { wireContainer, wirePodSandbox, wireResources } from './wire-objects.ts';

/** How the fake runtime presents itself. */
export interface FakeNriRuntimeOptions {
  /** Where to listen; the directory must exist. */
  readonly socketPath: string;
  /** 'containerd' by default. */
  readonly name?: string;
  /** '2.1.9' by default. */
  readonly version?: string;
  /** Told in Configure; makes the runtime know all events and send a method for each (NRI ≥ 0.12) instead of StateChange. */
  readonly nriVersion?: string;
  /** The plugin's configuration. */
  readonly config?: string;
  /** After this many ms without an answer the plugin is dropped, as real runtimes do. 2,000 by default. */
  readonly requestTimeoutMs?: number;
  /** What Synchronize lists at first. */
  readonly pods?: readonly Partial<PodSandbox>[];
  readonly containers?: readonly Partial<Container>[];
  /** How many parts Synchronize is sent in; 1 by default. */
  readonly synchronizeParts?: number;
}

interface RegisteredPlugin {
  readonly connection: FakeConnection;
  readonly mask: number;
}

type Pod = Partial<PodSandbox>;
type AnyContainer = Partial<Container>;

/**
 * The runtime's side of NRI, for tests of plugins: listens on a unix socket, configures and synchronizes the plugins that register, and
 * fires events at the one that came last. A handler's error rejects with its {@link TtrpcError}; an answer that takes too long with
 * DEADLINE_EXCEEDED, after the plugin was dropped. Events that the plugin did not subscribe to resolve at once. Without a plugin they
 * reject with UNAVAILABLE, where real runtimes would go on: wait for `synchronized` first.
 */
export class FakeNriRuntime {
  readonly #options: FakeNriRuntimeOptions;
  readonly #server: Server;
  readonly #connections = new Set<FakeConnection>();
  readonly #waiting: (() => void)[] = [];
  #plugin: RegisteredPlugin | undefined;
  #registrations = 0;
  #state: { readonly pods: readonly Pod[]; readonly containers: readonly AnyContainer[] };

  private constructor(options: FakeNriRuntimeOptions) {
    this.#options = options;
    this.#state = { pods: options.pods ?? [], containers: options.containers ?? [] };
    this.#server = createServer((socket) => void this.#accept(socket));
  }

  /** Listens; rejects when the socket exists or its directory does not. */
  static start(options: FakeNriRuntimeOptions): Promise<FakeNriRuntime> {
    const runtime = new FakeNriRuntime(options);
    return new Promise((resolve, reject) => {
      runtime.#server.once('error', reject);
      runtime.#server.listen(options.socketPath, () => resolve(runtime));
    });
  }

  /** Resolves once a plugin is registered, configured and synchronized; at once when there is one. */
  synchronized(): Promise<void> {
    if (this.#plugin?.connection.open === true) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** How many plugins have been synchronized since the start. */
  get registrations(): number {
    return this.#registrations;
  }

  /** Names of the events that the current plugin subscribed to. */
  get subscriptions(): readonly string[] {
    const { mask } = this.#current();
    return nriEvents.filter(({ number }) => (mask & (1 << (number - 1))) !== 0).map(({ name }) => name);
  }

  /** Updates that the current plugin asked for outside of events, as ContainerUpdate messages. */
  get updateRequests(): readonly WireMessage[] {
    return this.#current().connection.updateRequests;
  }

  async runPodSandbox(pod: Pod): Promise<void> {
    await this.#notify('RunPodSandbox', pod);
  }
  async updatePodSandbox(pod: Pod, overhead?: LinuxResources, resources?: LinuxResources): Promise<void> {
    await this.#fire('UpdatePodSandbox', {
      pod: wirePodSandbox(pod),
      overheadLinuxResources: wireResources(overhead),
      linuxResources: wireResources(resources),
    });
  }
  async postUpdatePodSandbox(pod: Pod): Promise<void> {
    await this.#notify('PostUpdatePodSandbox', pod);
  }
  async stopPodSandbox(pod: Pod): Promise<void> {
    await this.#notify('StopPodSandbox', pod);
  }
  async removePodSandbox(pod: Pod): Promise<void> {
    await this.#notify('RemovePodSandbox', pod);
  }

  /** The plugin's reply: `adjust`, `update`, `evict`. */
  createContainer(pod: Pod, container: AnyContainer): Promise<WireMessage> {
    return this.#fire('CreateContainer', { pod: wirePodSandbox(pod), container: wireContainer(container) });
  }
  async postCreateContainer(pod: Pod, container: AnyContainer): Promise<void> {
    await this.#notify('PostCreateContainer', pod, container);
  }
  async startContainer(pod: Pod, container: AnyContainer): Promise<void> {
    await this.#notify('StartContainer', pod, container);
  }
  async postStartContainer(pod: Pod, container: AnyContainer): Promise<void> {
    await this.#notify('PostStartContainer', pod, container);
  }
  /** The plugin's reply: `update`, `evict`. */
  updateContainer(pod: Pod, container: AnyContainer, resources?: LinuxResources): Promise<WireMessage> {
    return this.#fire('UpdateContainer', {
      pod: wirePodSandbox(pod),
      container: wireContainer(container),
      linuxResources: wireResources(resources),
    });
  }
  async postUpdateContainer(pod: Pod, container: AnyContainer): Promise<void> {
    await this.#notify('PostUpdateContainer', pod, container);
  }
  /** The plugin's reply: `update`. */
  stopContainer(pod: Pod, container: AnyContainer): Promise<WireMessage> {
    return this.#fire('StopContainer', { pod: wirePodSandbox(pod), container: wireContainer(container) });
  }
  async removeContainer(pod: Pod, container: AnyContainer): Promise<void> {
    await this.#notify('RemoveContainer', pod, container);
  }
  /** The plugin's reply: `reject`, `reason`. */
  validateContainerAdjustment(pod: Pod, container: AnyContainer): Promise<WireMessage> {
    const request = { pod: wirePodSandbox(pod), container: wireContainer(container) };
    return this.#fire('ValidateContainerAdjustment', request);
  }
  /** Tells the plugin that the runtime goes down. */
  async shutdown(): Promise<void> {
    await this.#current().connection.call('Shutdown', 'Empty', {}, 'Empty');
  }

  /** What the next plugin's Synchronize lists. */
  setState(pods: readonly Pod[], containers: readonly AnyContainer[]): void {
    this.#state = { pods, containers };
  }

  /** Drops all plugins, as after a timeout; they may come back. */
  disconnect(): void {
    this.#plugin = undefined;
    for (const connection of this.#connections) connection.drop();
    this.#connections.clear();
  }

  /** Drops all plugins and stops listening, as when the runtime dies; the socket is removed. */
  stop(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.disconnect();
    });
  }

  async #accept(socket: Socket): Promise<void> {
    const connection = new FakeConnection(socket, this.#options.requestTimeoutMs ?? 2000);
    this.#connections.add(connection);
    socket.on('close', () => this.#connections.delete(connection));
    try {
      await connection.registered;
      const mask = await this.#configure(connection);
      await this.#synchronize(connection);
      this.#plugin = { connection, mask };
      this.#registrations++;
      for (const resolve of this.#waiting.splice(0)) resolve();
    } catch {
      connection.drop();
    }
  }

  async #configure(connection: FakeConnection): Promise<number> {
    const {
      name = 'containerd',
      version = '2.1.9',
      nriVersion,
      config,
      requestTimeoutMs = 2000,
    } = this.#options;
    const request = {
      runtimeName: name,
      runtimeVersion: version,
      NRIVersion: nriVersion,
      config,
      registrationTimeout: 5000,
      requestTimeout: requestTimeoutMs,
    };
    const { events } = await connection.call('Configure', 'ConfigureRequest', request, 'ConfigureResponse');
    const known = nriVersion === undefined ? 0x7ff : 0x3fff;
    const mask = Number(events);
    if ((mask & ~known) !== 0)
      throw new Error('the plugin subscribed to events that the runtime does not know');
    return mask === 0 ? known : mask;
  }

  async #synchronize(connection: FakeConnection): Promise<void> {
    const parts = this.#options.synchronizeParts ?? 1;
    const pods = this.#state.pods.map(wirePodSandbox);
    const containers = this.#state.containers.map(wireContainer);
    for (let part = 0; part < parts; part++) {
      const more = part < parts - 1;
      const request = { pods: slice(pods, part, parts), containers: slice(containers, part, parts), more };
      const reply = await connection.call(
        'Synchronize',
        'SynchronizeRequest',
        request,
        'SynchronizeResponse',
      );
      if (reply['more'] !== more) throw new Error('the plugin does not handle split sync requests');
    }
  }

  async #notify(name: string, pod: Pod, container?: AnyContainer): Promise<void> {
    const request = {
      pod: wirePodSandbox(pod),
      ...(container === undefined ? {} : { container: wireContainer(container) }),
    };
    if (this.#options.nriVersion !== undefined) {
      await this.#fire(name, request);
      return;
    }
    const { connection, mask } = this.#current();
    const event = nriEvents.find((candidate) => candidate.name === name)?.number ?? 0;
    if ((mask & (1 << (event - 1))) === 0) return;
    await connection.call('StateChange', 'StateChangeEvent', { event, ...request }, 'Empty');
  }

  async #fire(name: string, request: object): Promise<WireMessage> {
    const plugin = this.#current();
    if (!this.subscriptions.includes(name)) return {};
    return plugin.connection.call(name, `${name}Request`, request, `${name}Response`);
  }

  #current(): RegisteredPlugin {
    if (this.#plugin?.connection.open !== true) {
      throw new TtrpcError(statusCodes.unavailable, 'no plugin is registered with the fake runtime');
    }
    return this.#plugin;
  }
}

function slice<T>(list: readonly T[], part: number, parts: number): T[] {
  return list.slice(Math.floor((part * list.length) / parts), Math.floor(((part + 1) * list.length) / parts));
}
