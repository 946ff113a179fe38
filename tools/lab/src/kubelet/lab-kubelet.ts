import type { CriClient } from '../cri/cri-client.ts';
import type { KubeletApi } from './kubelet-api.ts';
import type { PodManifest } from './pod-manifest.ts';

/** Times of the lab's kubelet in ms. The real one's are given; tests want shorter ones. */
export interface LabKubeletTimes {
  /** Deadline of NodePrepareResources and NodeUnprepareResources; 45 000 as in the kubelet by default. */
  readonly draCallMs?: number;
  /** Between a driver's disappearance and the wipe of its slices; 30 000 as in the kubelet by default. */
  readonly wipeDelayMs?: number;
  /** First pause after a failed attempt, doubled each time; 50 by default (the kubelet: some seconds). */
  readonly retryMs?: number;
  /** Longest pause between attempts; 1000 by default. */
  readonly longestRetryMs?: number;
}

/** How a {@link LabKubelet} is set up. */
export interface LabKubeletOptions {
  readonly nodeName: string;
  readonly api: KubeletApi;
  /** Where pods run. */
  readonly cri: CriClient;
  /** Directory in which drivers register, `plugins_registry` of a kubelet; must exist. */
  readonly registryDirectory: string;
  readonly times?: LabKubeletTimes;
}

/** A driver that has registered. */
export interface RegisteredPlugin {
  readonly driverName: string;
  /** Socket in the registry directory. */
  readonly registrationSocket: string;
  /** Socket of the driver's service. */
  readonly endpoint: string;
  /** The service in use, the first that kubelet and driver both know. */
  readonly service: 'v1.DRAPlugin' | 'v1beta1.DRAPlugin';
  /** All that the driver said it serves. */
  readonly supportedVersions: readonly string[];
}

/** A pod whose containers all run. */
export interface RunningPod {
  readonly pod: PodManifest;
  readonly podSandboxId: string;
  /** Path of the pod's network namespace; undefined for host-network pods. */
  readonly networkNamespacePath?: string;
  readonly ips: readonly string[];
  /** Container ids by container name. */
  readonly containers: Readonly<Record<string, string>>;
  /** How often each step was tried, the successful attempt included. */
  readonly attempts: { readonly prepare: number; readonly sandbox: number; readonly containers: number };
}

/** Stand-in for a kubelet. */
export class LabKubelet {
  readonly nodeName: string;

  constructor(options: LabKubeletOptions) {
    this.nodeName = options.nodeName;
  }

  /** Starts watching the registry directory; drivers that are there already register. */
  start(): Promise<void> {
    throw new Error('not yet');
  }

  /** Stops watching and retrying. Pods run on. */
  stop(): Promise<void> {
    throw new Error('not yet');
  }

  /** Ends and starts as a new kubelet process does: forgets what is prepared, wipes the node's slices, prepares its pods' claims again. */
  restart(): Promise<void> {
    throw new Error('not yet');
  }

  /** The drivers that are registered now. */
  get plugins(): readonly RegisteredPlugin[] {
    return [];
  }

  /** Waits for a driver to be registered. */
  pluginRegistered(_driverName: string, _timeoutMs?: number): Promise<RegisteredPlugin> {
    throw new Error('not yet');
  }

  /** Waits for a driver to be gone. */
  pluginGone(_driverName: string, _timeoutMs?: number): Promise<void> {
    throw new Error('not yet');
  }

  /** Runs a pod: waits for its claims, prepares them, makes the sandbox, creates and starts its containers; retries until the signal. */
  runPod(_pod: PodManifest, _options?: { readonly signal?: AbortSignal }): Promise<RunningPod> {
    throw new Error('not yet');
  }

  /** Deletes a pod: containers, sandbox, claims that no other pod uses; retries until the signal. */
  deletePod(_pod: { readonly uid: string }, _options?: { readonly signal?: AbortSignal }): Promise<void> {
    throw new Error('not yet');
  }
}
