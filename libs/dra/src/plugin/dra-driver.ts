import type { AllocatedClaim, ClaimReference } from '../claims/allocated-claim.ts';

/** What the kubelet is told about one prepared device. */
export interface PreparedDevice {
  /** Requests of the claim that the device serves, without subrequest. `request/sub` is accepted and shortened. */
  readonly requestNames: readonly string[];
  readonly poolName: string;
  readonly deviceName: string;
  /** Fully qualified CDI names (`vendor/class=name`) that containers using the request get; may be empty. */
  readonly cdiDeviceIds: readonly string[];
  /** The share id of the allocation, where it has one; sent to kubelets that speak v1 only. */
  readonly shareId?: string;
}

/**
 * What a driver's author writes. Calls for the same claim never overlap; calls for different claims do.
 */
export interface DraDriver {
  /**
   * Makes the claim's devices ready on this node and says how containers get them.
   *
   * Called before any container of the first pod starts, again after a kubelet restart or a reboot, and again after every failure, so it
   * must be repeatable with the same answer. A rejection is shown to the user in the pod's events (its message should say what to do)
   * and the kubelet tries again; nothing may stay taken that a later call with the same claim could not take over. `signal` is aborted
   * when the kubelet gave up waiting (45 s).
   */
  prepareClaim(claim: AllocatedClaim, signal: AbortSignal): Promise<readonly PreparedDevice[]>;

  /**
   * Reverts `prepareClaim`.
   *
   * Called when the last pod using the claim is gone, perhaps in another process than the one that prepared it, perhaps for a claim
   * that was never prepared or is deleted already: that is success. A rejection makes the kubelet try again and holds up the pod's
   * deletion until it succeeds.
   */
  unprepareClaim(claim: ClaimReference, signal: AbortSignal): Promise<void>;

  /**
   * Whether the driver's journal has the claim prepared. Asked when preparing has failed: a claim that the journal has all the same keeps its
   * devices. And asked when a device seems to be held by a claim that another instance on the same journal (rolling update) may have
   * unprepared meanwhile.
   */
  isPrepared?(claimUID: string): Promise<boolean>;
}
