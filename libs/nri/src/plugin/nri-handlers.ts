import type { CreateContainerResult } from '../messages/container-adjustment.ts';
import type { Container } from '../messages/container.ts';
import type { ContainerUpdate, UpdateContainerResult } from '../messages/container-update.ts';
import type { ContainerValidation } from '../messages/container-validation.ts';
import type { LinuxResources } from '../messages/linux-resources.ts';
import type { PodSandbox } from '../messages/pod-sandbox.ts';

/** Who is at the other end, from the Configure request. */
export interface RuntimeInfo {
  /** 'containerd', 'cri-o'. */
  readonly name: string;
  readonly version: string;
  /** Version of the NRI implementation; told since NRI 0.12. */
  readonly nriVersion?: string;
  /** What the runtime's plugin configuration directory has for this plugin, else empty. */
  readonly config: string;
  /** How long the runtime waits for the registration, in ms. */
  readonly registrationTimeoutMs: number;
  /** How long the runtime waits for any other answer before it drops the plugin and goes on without it, in ms. */
  readonly requestTimeoutMs: number;
}

/**
 * What a plugin does about the events of a container runtime. The plugin subscribes to exactly the events that have a handler.
 *
 * A rejected promise is an error for the runtime, with the error's message. For `runPodSandbox`, `createContainer` and `updateContainer`
 * it fails the request, and the message reaches the pod's events; for events that tell what already happened it is only logged by the
 * runtime. The runtime holds a lock for the whole node while it waits: be fast. It goes on *without* the plugin when the answer takes
 * longer than `RuntimeInfo.requestTimeoutMs` (usually 2 s).
 */
export interface NriHandlers {
  /** Once per connection, before anything else. An error makes the runtime drop the connection. */
  configure?(runtime: RuntimeInfo): void | Promise<void>;
  /** Once per connection, with all pods and containers that exist; events that happened without a connection are not repeated. */
  synchronize?(
    pods: readonly PodSandbox[],
    containers: readonly Container[],
  ): void | readonly ContainerUpdate[] | Promise<void | readonly ContainerUpdate[]>;
  /** The runtime says that it goes down. Most simply close the connection. */
  shutdown?(): void | Promise<void>;

  /** Namespace, CNI and the pause container are done; no container was made yet. After an error Stop and Remove events follow. */
  runPodSandbox?(pod: PodSandbox): void | Promise<void>;
  /** Resources of a pod are about to change (NRI ≥ 0.10). */
  updatePodSandbox?(
    pod: PodSandbox,
    overhead: LinuxResources | undefined,
    resources: LinuxResources | undefined,
  ): void | Promise<void>;
  /** Resources of a pod were changed (NRI ≥ 0.10). */
  postUpdatePodSandbox?(pod: PodSandbox): void | Promise<void>;
  /**
   * The pod's processes are dead. containerd: network namespace and links are still there. CRI-O: the namespace is gone. Not delivered for
   * pods older than the runtime's last start.
   */
  stopPodSandbox?(pod: PodSandbox): void | Promise<void>;
  /** The pod is forgotten. Not delivered for pods older than the runtime's last start. */
  removePodSandbox?(pod: PodSandbox): void | Promise<void>;

  /** A container is about to be created; CDI devices were already applied to it. */
  createContainer?(
    pod: PodSandbox,
    container: Container,
  ): void | CreateContainerResult | Promise<void | CreateContainerResult>;
  postCreateContainer?(pod: PodSandbox, container: Container): void | Promise<void>;
  startContainer?(pod: PodSandbox, container: Container): void | Promise<void>;
  postStartContainer?(pod: PodSandbox, container: Container): void | Promise<void>;
  /** Resources of a container are about to change to `resources`. */
  updateContainer?(
    pod: PodSandbox,
    container: Container,
    resources: LinuxResources | undefined,
  ): void | UpdateContainerResult | Promise<void | UpdateContainerResult>;
  postUpdateContainer?(pod: PodSandbox, container: Container): void | Promise<void>;
  /** A container was stopped; other containers' resources can be changed in the answer. */
  stopContainer?(
    pod: PodSandbox,
    container: Container,
  ): void | readonly ContainerUpdate[] | Promise<void | readonly ContainerUpdate[]>;
  removeContainer?(pod: PodSandbox, container: Container): void | Promise<void>;
  /** Approves what all plugins want to change about a container; the returned text rejects it and fails the creation (NRI ≥ 0.10). */
  validateContainerAdjustment?(
    validation: ContainerValidation,
  ): void | string | undefined | Promise<void | string | undefined>;
}
