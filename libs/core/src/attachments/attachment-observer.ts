import type { AllocatedClaim } from '@patchbay/dra';
import type { AttachedDevice, PodSandbox } from '../backend/backend.ts';
import type { ClaimRecord, DeviceRecord } from './claim-record.ts';

/** A device of a claim and what attaching made of it. */
export interface AttachedClaimDevice {
  readonly record: DeviceRecord;
  readonly attached: AttachedDevice;
}

/** Hears how claims fare. What is told of attaching is told after the runtime's hook was answered; nothing may take long all the same. */
export interface AttachmentObserver {
  /** A claim could not be prepared, for the reason given, which the kubelet has been told. */
  claimPrepareFailed(claim: AllocatedClaim, error: unknown): void;
  /** All devices of the claim are in the sandbox. */
  claimAttached(record: ClaimRecord, sandbox: PodSandbox, devices: readonly AttachedClaimDevice[]): void;
  /** They are not, for the reason given. */
  claimAttachFailed(record: ClaimRecord, sandbox: PodSandbox, error: unknown): void;
  /** They are back, or gone with what they were made of. The record says in which pods they still are. */
  claimDetached(record: ClaimRecord, sandbox: PodSandbox): void;
  /** Not all of them came back, for the reason given; it is tried again. */
  claimDetachFailed(record: ClaimRecord, sandbox: PodSandbox, error: unknown): void;
}
