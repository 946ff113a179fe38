/** Names one ResourceClaim for good: a claim deleted and re-created under the same name has another UID. */
export interface ClaimReference {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Who may use a claim (`ResourceClaim.status.reservedFor[]`). */
export interface ClaimConsumer {
  /** Plural, lower case: `pods` for a pod. */
  readonly resource: string;
  readonly name: string;
  readonly uid: string;
}

/** A claim's allocation as one driver must see it: its own devices with its own configuration, everything else left out. */
export interface AllocatedClaim extends ClaimReference {
  /**
   * The name under which the pod's spec refers to the claim, known for claims made from a template (annotation
   * `resource.kubernetes.io/pod-claim-name`).
   */
  readonly podClaimName?: string;
  /** Pods (or others) that the claim is reserved for; it may be shared by several. */
  readonly reservedFor: readonly ClaimConsumer[];
  /** In the order of `status.allocation.devices.results`. */
  readonly devices: readonly AllocatedDevice[];
}

/** One entry of `status.allocation.devices.results` that belongs to the driver. */
export interface AllocatedDevice {
  /** The request's name; `request/subrequest` when an alternative of a prioritised list was chosen (KEP-4816). */
  readonly request: string;
  readonly pool: string;
  readonly device: string;
  /** Distinguishes the shares of a device that several claims may use at once (KEP-5075). */
  readonly shareId?: string;
  /** Access for monitoring or administration: the device stays with whoever else uses it (KEP-5018). */
  readonly adminAccess: boolean;
  /** How much of each capacity this share takes, as Kubernetes quantities (KEP-5075). */
  readonly consumedCapacity?: Readonly<Record<string, string>>;
  /**
   * Opaque parameters of this driver that apply to the device, lowest precedence first: those of the DeviceClass, then those of the
   * claim. Later ones win. They are as the user wrote them: validate them.
   */
  readonly configs: readonly DeviceConfiguration[];
}

/** One opaque parameter block (`opaque.parameters`) from a DeviceClass or a claim. */
export interface DeviceConfiguration {
  readonly source: 'FromClass' | 'FromClaim';
  readonly parameters: unknown;
}
