import type { Container } from '../messages/container.ts';
import type { LinuxResources } from '../messages/linux-resources.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';

/** How the fake runtime presents itself. */
export interface FakeNriRuntimeOptions {
  /** Where to listen; the directory must exist. */
  readonly socketPath: string;
  /** 'containerd' by default. */
  readonly name?: string;
  /** '2.1.9' by default. */
  readonly version?: string;
  /** Told in Configure; also makes the runtime send a method per event (NRI ≥ 0.12) instead of StateChange. */
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

/** A message as it came over the wire: NRI's field names in camel case, absent fields left out. */
export type WireMessage = Readonly<Record<string, unknown>>;

/**
 * The runtime's side of NRI, for tests of plugins: listens on a unix socket, registers, configures and synchronizes the plugins that
 * connect, and fires events at the one that came last. A handler's error rejects with its ttrpc status. Events without a handler
 * resolve at once, like in real runtimes.
 */
export class FakeNriRuntime {
  static start(options: FakeNriRuntimeOptions): Promise<FakeNriRuntime> {
    return Promise.reject(new Error('not written yet', { cause: options }));
  }

  /** Resolves once a plugin is registered, configured and synchronized; at once when there is one. */
  synchronized(): Promise<void> {
    throw new Error('not written yet');
  }

  /** How many plugins have been synchronized since the start. */
  get registrations(): number {
    throw new Error('not written yet');
  }

  runPodSandbox(_pod: Partial<PodSandbox>): Promise<void> {
    throw new Error('not written yet');
  }
  stopPodSandbox(_pod: Partial<PodSandbox>): Promise<void> {
    throw new Error('not written yet');
  }
  removePodSandbox(_pod: Partial<PodSandbox>): Promise<void> {
    throw new Error('not written yet');
  }
  /** The plugin's reply: `adjust`, `update`, `evict`. */
  createContainer(_pod: Partial<PodSandbox>, _container: Partial<Container>): Promise<WireMessage> {
    throw new Error('not written yet');
  }
  postCreateContainer(_pod: Partial<PodSandbox>, _container: Partial<Container>): Promise<void> {
    throw new Error('not written yet');
  }
  startContainer(_pod: Partial<PodSandbox>, _container: Partial<Container>): Promise<void> {
    throw new Error('not written yet');
  }
  postStartContainer(_pod: Partial<PodSandbox>, _container: Partial<Container>): Promise<void> {
    throw new Error('not written yet');
  }
  /** The plugin's reply: `update`, `evict`. */
  updateContainer(
    _pod: Partial<PodSandbox>,
    _container: Partial<Container>,
    _resources?: LinuxResources,
  ): Promise<WireMessage> {
    throw new Error('not written yet');
  }
  postUpdateContainer(_pod: Partial<PodSandbox>, _container: Partial<Container>): Promise<void> {
    throw new Error('not written yet');
  }
  /** The plugin's reply: `update`. */
  stopContainer(_pod: Partial<PodSandbox>, _container: Partial<Container>): Promise<WireMessage> {
    throw new Error('not written yet');
  }
  removeContainer(_pod: Partial<PodSandbox>, _container: Partial<Container>): Promise<void> {
    throw new Error('not written yet');
  }

  /** What the next plugin's Synchronize lists. */
  setState(_pods: readonly Partial<PodSandbox>[], _containers: readonly Partial<Container>[]): void {
    throw new Error('not written yet');
  }

  /** Drops all plugins, as after a timeout; they may come back. */
  disconnect(): void {
    throw new Error('not written yet');
  }

  /** Drops all plugins and stops listening, as when the runtime dies. */
  stop(): Promise<void> {
    throw new Error('not written yet');
  }
}
