/** A typed attribute value as the API server expects it: exactly one of the four. */
export type AttributeValue =
  | { readonly string: string }
  | { readonly int: number }
  | { readonly bool: boolean }
  | { readonly version: string };

/** One capacity of a device (`ResourceSlice.spec.devices[].capacity`). */
export interface DeviceCapacity {
  /** A Kubernetes quantity, such as `10G` or `16`. */
  readonly value: string;
  /** How much a share of the device may take (KEP-5075, Kubernetes 1.34+). */
  readonly requestPolicy?: CapacityRequestPolicy;
}

/** What a claim may ask of a shared device's capacity; quantities throughout. */
export interface CapacityRequestPolicy {
  /** Taken when the claim asks for nothing. */
  readonly default?: string;
  readonly validValues?: readonly string[];
  readonly validRange?: { readonly min: string; readonly max?: string; readonly step?: string };
}

/** Keeps pods away from a device (KEP-5055). */
export interface DeviceTaint {
  /** Like a label key: `domain/name`. */
  readonly key: string;
  readonly value?: string;
  /** `NoSchedule`: no new claims; `NoExecute`: also evicts the pods that use it; `None` (1.35+): information only. */
  readonly effect: 'NoSchedule' | 'NoExecute' | 'None';
  /** RFC 3339; set by the API server when it is missing and then kept. */
  readonly timeAdded?: string;
}

/**
 * A device as it is announced to the scheduler (`ResourceSlice.spec.devices[]`, resource.k8s.io/v1). Older API versions get the same in
 * their own shape.
 */
export interface Device {
  /** Unique in its pool; a DNS label (lower-case letters, digits, `-`), at most 63 characters. */
  readonly name: string;
  /** By qualified name: `identifier` (in the driver's own domain) or `domain/identifier`. */
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly capacity?: Readonly<Record<string, DeviceCapacity>>;
  readonly taints?: readonly DeviceTaint[];
  /** Whether several claims may get the device at once (KEP-5075, Kubernetes 1.34+). */
  readonly allowMultipleAllocations?: boolean;
  /** The claim's pods are bound to the node that the device was found on (KEP-5007, Kubernetes 1.34+). */
  readonly bindsToNode?: boolean;
  /** Condition types that must be true in the claim's status before its pod is bound (KEP-5007). */
  readonly bindingConditions?: readonly string[];
  /** Condition types of which a true one gives the allocation up (KEP-5007). */
  readonly bindingFailureConditions?: readonly string[];
}

/** A named set of devices, published together. */
export interface DevicePool {
  /** DNS subdomains joined by `/`, at most 253 characters; unique per driver in the cluster, so usually the node's name comes first. */
  readonly name: string;
  readonly devices: readonly Device[];
}
