import type { DevicePlace, HostLeftover, PodSandbox } from '../../backend/backend.ts';
import type { AttachmentRecord, ClaimRecord } from '../claim-record.ts';

/** What the journal, the kernel and the runtime say, side by side. */
export interface NodeState {
  readonly claims: readonly ClaimState[];
  /** What the runtime runs; undefined while it has not told. */
  readonly runtime: RunningSandboxes | undefined;
  readonly leftovers: readonly Leftover[];
}

/** The sandboxes that the runtime runs. */
export interface RunningSandboxes {
  /** Those whose network namespaces exist. */
  readonly sandboxes: readonly PodSandbox[];
  /**
   * When they were known to be all, in milliseconds of `Date.now`. Of what was attached later, by whichever instance, the runtime has not
   * told yet.
   */
  readonly asOf: number;
}

/** A prepared claim. */
export interface ClaimState {
  readonly record: ClaimRecord;
  readonly gateOpen: boolean;
  /** Whether it can be in several pods at a time. */
  readonly shareable: boolean;
  readonly attachments: readonly AttachmentState[];
}

/** Where a claim is recorded to be, and what is there. */
export interface AttachmentState {
  readonly record: AttachmentRecord;
  /** Whether the sandbox's network namespace exists. */
  readonly alive: boolean;
  /** Where the devices are that are not in the pod, by the names of their interfaces. Those of which that cannot be told are left out. */
  readonly astray: ReadonlyMap<string, Exclude<DevicePlace, 'pod'>>;
}

/** Something that the driver made and no record knows of. Removing it leaves it alone if it has come to be known meanwhile. */
export type Leftover = HostLeftover;
