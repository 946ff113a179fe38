import type { KubeApi } from '../kube/kube-api.ts';
import type { Logger } from '../logger.ts';
import type { DevicePool } from './device.ts';

/** What a publisher needs. */
export interface ResourceSlicePublisherOptions {
  readonly api: KubeApi;
  readonly driverName: string;
  readonly nodeName: string;
  readonly logger?: Logger;
  readonly onError?: (error: Error) => void;
}

/** Keeps the node's ResourceSlices as desired. */
export class ResourceSlicePublisher {
  constructor(_options: ResourceSlicePublisherOptions) {}
  /** Sets the desired state. */
  update(_pools: readonly DevicePool[]): void {}
  /** Reconciles until aborted. */
  run(_signal: AbortSignal): Promise<void> {
    throw new Error('not yet');
  }
  /** Resolves when the desired state is published. */
  settled(): Promise<void> {
    throw new Error('not yet');
  }
}
