/** What a pod sandbox is made from. */
export interface PodSandboxSpec {
  readonly name: string;
  readonly namespace: string;
  /** The pod's UID. */
  readonly uid: string;
  /** Counts the sandboxes of one pod; 0 by default. */
  readonly attempt?: number;
  /** The pod's name by default. */
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Whether the pod lives in the node's network namespace; false by default. */
  readonly hostNetwork?: boolean;
  /** Directory for the containers' logs on the node; none are kept by default. */
  readonly logDirectory?: string;
  readonly sysctls?: Readonly<Record<string, string>>;
  /** cgroup that the pod goes into; the lab's own by default, so that the lab can remove it. */
  readonly cgroupParent?: string;
}

/** A sandbox as the runtime lists it. */
export interface PodSandboxSummary {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly attempt: number;
  readonly state: 'ready' | 'not-ready';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A sandbox with its network. */
export interface PodSandboxDetails extends PodSandboxSummary {
  /** The pod's addresses from CNI, the primary one first; empty for the node's network. */
  readonly ips: readonly string[];
  /** Path of the network namespace on the node; undefined for the node's network and after the sandbox was stopped. */
  readonly networkNamespacePath?: string;
  /** Process that holds the sandbox's namespaces, as seen from the lab. */
  readonly pid?: number;
}
