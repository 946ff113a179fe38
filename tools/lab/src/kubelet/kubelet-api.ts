import type { PodManifest } from './pod-manifest.ts';

/** One device of an allocation (`resource.k8s.io/v1` DeviceRequestAllocationResult). */
export interface AllocationResult {
  /** `request` or `request/subrequest`. */
  readonly request: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string;
  readonly adminAccess?: boolean;
}

/** The part of a ResourceClaim that the lab's kubelet reads; a `resource.k8s.io/v1` ResourceClaim fits. */
export interface ResourceClaim {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
  };
  readonly status?: {
    readonly allocation?: { readonly devices?: { readonly results?: readonly AllocationResult[] } };
    readonly reservedFor?: readonly {
      readonly resource: string;
      readonly name: string;
      readonly uid: string;
    }[];
  };
}

/** An event on a pod, as `kubectl describe pod` shows it. */
export interface PodEvent {
  readonly type: 'Normal' | 'Warning';
  /** One word: `FailedPrepareDynamicResources`, `FailedCreatePodSandBox`, `Failed`, `Created`, `Started`, `Killing`. */
  readonly reason: string;
  readonly message: string;
}

/** What the kubelet reports about a pod. */
export interface PodStatus {
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed';
  /** The addresses from CNI, the primary one first. */
  readonly podIPs: readonly string[];
  readonly containers: readonly {
    readonly name: string;
    readonly id?: string;
    readonly state: 'waiting' | 'running' | 'terminated';
    /** Why it waits: `ContainerCreating`, `CreateContainerError`, `RunContainerError`. */
    readonly reason?: string;
    readonly message?: string;
  }[];
}

/** What the lab's kubelet needs from an API server. */
export interface KubeletApi {
  /** Reads a claim; undefined when there is none. A rejected promise is retried. */
  getClaim(namespace: string, name: string): Promise<ResourceClaim | undefined>;
  /** Told whenever a pod's status changes. A failure is ignored. */
  updatePodStatus?(pod: PodManifest, status: PodStatus): Promise<void>;
  /** Told of what happens to a pod. A failure is ignored. */
  recordEvent?(pod: PodManifest, event: PodEvent): Promise<void>;
  /**
   * Deletes this node's ResourceSlices: of one driver, some time after it was gone, or of all drivers, when the kubelet starts.
   * A failure is ignored.
   */
  wipeResourceSlices?(nodeName: string, driverName?: string): Promise<void>;
}
