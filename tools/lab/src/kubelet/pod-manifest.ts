/** A container's reference to one of its pod's claims. */
export interface ContainerClaimReference {
  /** Name of an entry of `spec.resourceClaims`. */
  readonly name: string;
  /** One request of the claim; all of them when absent. */
  readonly request?: string;
}

/** A container of a pod. */
export interface PodContainer {
  readonly name: string;
  /** The lab's test image by default. */
  readonly image?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly securityContext?: {
    readonly privileged?: boolean;
    readonly capabilities?: { readonly add?: readonly string[] };
  };
  readonly resources?: {
    readonly claims?: readonly ContainerClaimReference[];
    /** By resource; where there are extended resources, of devices or of device plugins. */
    readonly requests?: Readonly<Record<string, string | number>>;
    readonly limits?: Readonly<Record<string, string | number>>;
  };
}

/** A claim that a pod uses, by name. */
export interface PodClaimReference {
  /** Name within the pod. */
  readonly name: string;
  /** Name of the ResourceClaim in the pod's namespace. Absent for a template: then `status.resourceClaimStatuses` has the name. */
  readonly resourceClaimName?: string;
}

/** The part of a Kubernetes Pod that the lab's kubelet understands; a Pod as an API server returns it fits. */
export interface PodManifest {
  readonly metadata: {
    readonly name: string;
    /** `default` when absent. */
    readonly namespace?: string;
    readonly uid: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly hostNetwork?: boolean;
    readonly containers: readonly PodContainer[];
    readonly resourceClaims?: readonly PodClaimReference[];
  };
  readonly status?: {
    readonly resourceClaimStatuses?: readonly {
      readonly name: string;
      readonly resourceClaimName?: string;
    }[];
    /** The claim that the scheduler made for extended resources, and which of its requests are for which container (KEP-5004). */
    readonly extendedResourceClaimStatus?: {
      readonly resourceClaimName: string;
      readonly requestMappings: readonly {
        readonly containerName: string;
        readonly resourceName: string;
        readonly requestName: string;
      }[];
    };
  };
}

/** A pod's namespace, which defaults as in Kubernetes. */
export function podNamespace(pod: PodManifest): string {
  return pod.metadata.namespace ?? 'default';
}

/**
 * The name of the ResourceClaim behind one of a pod's claims.
 *
 * @returns undefined while the claim of a template does not exist yet
 */
export function resourceClaimName(pod: PodManifest, reference: PodClaimReference): string | undefined {
  return (
    reference.resourceClaimName ??
    pod.status?.resourceClaimStatuses?.find(({ name }) => name === reference.name)?.resourceClaimName
  );
}
