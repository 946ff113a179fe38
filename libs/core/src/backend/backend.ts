import type { ClaimReference } from '@patchbay/dra';
import type { z } from 'zod';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import type { BackendContainer } from './backend-container.ts';
import type { Device } from './device.ts';
import type { JsonObject } from './json.ts';

/**
 * What a library under `libs/backend-*` exports and `apps/driver/src/backends.ts` lists: one kind of network device.
 */
export interface BackendModule<Config = unknown> {
  /** Name of the backend: its key in the configuration, its pool suffix, its label in logs and metrics, its parameters' section. */
  readonly kind: string;
  /** Schema of the backend's entry in the driver's configuration, without `kind`. Unknown keys must be errors. */
  readonly configSchema: z.ZodType<Config>;
  /** Schema of the backend's own section of the claim parameters; an absent section is parsed as `{}`. Unknown keys must be errors. */
  readonly parametersSchema: z.ZodType;
  /**
   * Provides the backend's services. Called once at start for each enabled backend, with the validated configuration. Must provide
   * {@link BACKEND}; must not do I/O.
   */
  register(container: BackendContainer, config: Config): void;
}

/** A backend's two strategies. */
export interface Backend {
  readonly discovery: DeviceDiscovery;
  readonly attach: AttachStrategy;
}

/** Finds a backend's devices on this node. */
export interface DeviceDiscovery {
  /**
   * Lists all of the backend's devices that are on the host now, in a stable order. Called at start, after {@link watch} reported a
   * change, and at least once a minute. Devices that sit in a pod may be missing: the inventory remembers them.
   *
   * @throws any error: the inventory keeps the devices of the last successful call and reports the failure
   */
  list(signal: AbortSignal): Promise<readonly Device[]>;
  /**
   * Calls `onChange` soon after devices may have appeared, changed or gone, until the signal is aborted. A hint only: the inventory
   * debounces it and lists again.
   */
  watch(onChange: () => void, signal: AbortSignal): void;
}

/** A device that a claim was given, and how the claim wants it. */
export interface DeviceRequest {
  readonly claim: ClaimReference;
  /** Name of the claim's request, `req` or `req/sub`. */
  readonly request: string;
  /** Tells the claim's share of a device that several claims may have from the others; see {@link Device.shares}. */
  readonly shareId?: string | undefined;
  readonly device: Device;
  /** The interface as asked for by class and claim, validated and merged. */
  readonly interface: InterfaceSetup;
  /** The backend's own section of the parameters, as {@link BackendModule.parametersSchema} parsed it. */
  readonly parameters: unknown;
}

/** A pod's sandbox, whose network namespace exists. */
export interface PodSandbox {
  readonly podUID: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly sandboxId: string;
  /** Path of the network namespace, such as `/var/run/netns/cni-…`; it may be gone when detaching. */
  readonly networkNamespacePath: string;
  /**
   * Whether the claim was in another pod already when it was attached to this one. What must be unique on the node or the network, such
   * as hardware addresses, then depends on the pod as well; see {@link AttachStrategy.obstacleToSharing}.
   */
  readonly shared?: boolean | undefined;
}

/** A sandbox that a device was attached to, or may have been. */
export interface SandboxOfDevice extends PodSandbox {
  /** {@link AttachedDevice.linkIndex}, if it is known: the pod may have made the link unrecognisable otherwise. */
  readonly linkIndex?: number | undefined;
}

/** What attaching made of a device, as far as it is known without asking the kernel again. */
export interface AttachedDevice {
  /** Name of the link in the pod; absent for devices without a link. */
  readonly interfaceName?: string;
  /** Index of the link in the pod's namespace. */
  readonly linkIndex?: number;
}

/**
 * Where an attached device is:
 *
 * - `pod`: in the sandbox
 * - `host`: not there, and attaching it again would bring it: it is on the host, or made anew each time
 * - `nowhere`: unplugged, or taken by somebody else
 */
export type DevicePlace = 'pod' | 'host' | 'nowhere';

/** What accounts for things of a backend on the host. */
export interface AccountedFor {
  /** All attachments of the backend's devices, also those on their way in or out. */
  readonly attachments: readonly { readonly prepared: JsonObject; readonly sandbox: PodSandbox }[];
  /** The sandboxes that the runtime runs; undefined when that is not known. */
  readonly running: readonly PodSandbox[] | undefined;
}

/** Something on the host that a backend has made and that nothing accounts for. */
export interface HostLeftover {
  /** What kind of thing, in words. */
  readonly what: string;
  readonly name: string;
  /** Succeeds when it is gone. */
  remove(): Promise<void>;
}

/**
 * How a backend's devices get into pods and back. `Prepared` is plain JSON and all that attach, detach and unprepare need, also in
 * another process after a crash: the attachments journal it.
 */
export interface AttachStrategy {
  /**
   * Does the slow work that needs no pod, and finds out all that can be refused. Called while the kubelet waits. May be called again
   * with the same request after a crash and must then give an equal result.
   *
   * @throws an error whose message tells the user what to do; nothing may be left behind
   */
  prepare(request: DeviceRequest, signal: AbortSignal): Promise<JsonObject>;
  /**
   * Thinks out and keeps in memory what {@link attach} would otherwise have to think out in the runtime's hook. Called while the kubelet waits,
   * with the object that attach gets later, unless the claim was read from the journal meanwhile: after a restart, or because another
   * instance has written.
   *
   * @throws as {@link prepare}, which is then undone
   */
  makeReady?(prepared: JsonObject): void;
  /**
   * Brings the device into the sandbox's namespace and configures it. Called in the runtime's hook: no waiting for anything but the
   * kernel. A claim's devices are begun with in their order and in one turn of the event loop, and go on side by side. May be called again when the device is already there, wholly or in part, and must then complete it without disturbing
   * what is right. After a failure the attachments call {@link detach}.
   */
  attach(prepared: JsonObject, sandbox: PodSandbox, signal: AbortSignal): Promise<AttachedDevice>;
  /**
   * Brings the device back and restores it. Succeeds when there is nothing to do: never attached, already detached, namespace gone.
   *
   * @throws when the device is not where it belongs afterwards; it is tried again
   */
  detach(prepared: JsonObject, sandbox: SandboxOfDevice, signal: AbortSignal): Promise<void>;
  /**
   * For devices that may be in several pods that use one claim, where each gets a link of its own: says in words why this one may not.
   * Called when a second pod comes. Backends without it give a device to one pod at a time.
   *
   * @returns undefined when nothing stands against it
   */
  obstacleToSharing?(prepared: JsonObject): string | undefined;
  /**
   * Says where a device is that was attached. Called by repair, which attaches again what is on the host; never in a hook. A backend without
   * it has only whole attachments repaired.
   *
   * @throws when it cannot be found out
   */
  locate?(prepared: JsonObject, sandbox: SandboxOfDevice, signal: AbortSignal): Promise<DevicePlace>;
  /**
   * Finds what attaching has made on the host and nothing accounts for, after a journal was lost. Only what bears this driver's own mark, and
   * nothing that a running pod uses. Called by repair.
   *
   * @param accounted to be called after looking at the host: what was made before is accounted for by then
   */
  leftovers?(accounted: () => AccountedFor, signal: AbortSignal): Promise<readonly HostLeftover[]>;
  /** Undoes {@link prepare}. Called when the device is detached. Succeeds when already undone. */
  unprepare(prepared: JsonObject, signal: AbortSignal): Promise<void>;
}
