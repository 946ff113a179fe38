import type { ClaimReference } from '../claims/allocated-claim.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import type { Logger } from '../logger.ts';
import type { ClaimDeviceStatus } from './claim-device-status.ts';

/** What a writer needs. */
export interface ClaimStatusWriterOptions {
  readonly api: KubeApi;
  readonly driverName: string;
  /** Owner of the fields in server-side apply; the driver's name unless told otherwise. */
  readonly fieldManager?: string;
  readonly logger?: Logger;
  readonly onError?: (error: Error) => void;
}

/** Reports device status in claims. */
export class ClaimStatusWriter {
  constructor(_options: ClaimStatusWriterOptions) {}
  /** Latest wins. */
  set(_claim: ClaimReference, _devices: readonly ClaimDeviceStatus[]): void {}
  /** Removes our entries. */
  clear(_claim: ClaimReference): void {}
  /** Writes until aborted. */
  run(_signal: AbortSignal): Promise<void> {
    throw new Error('not yet');
  }
  /** Resolves when everything is written. */
  settled(): Promise<void> {
    throw new Error('not yet');
  }
}
