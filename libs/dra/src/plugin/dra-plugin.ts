import type { KubeApi } from '../kube/kube-api.ts';
import type { Logger } from '../logger.ts';
import type { DraDriver } from './dra-driver.ts';
import type { DeviceHolds } from '../claims/device-holds.ts';

/** How a `DraPlugin` presents itself to the kubelet. */
export interface DraPluginOptions {
  /** DNS subdomain, at most 63 characters; the `driver` of ResourceSlices and allocations. */
  readonly driverName: string;
  readonly driver: DraDriver;
  readonly api: KubeApi;
  /** Where the kubelet looks for registration sockets, usually `/var/lib/kubelet/plugins_registry`. Same path in host and container. */
  readonly registryDirectory: string;
  /** The driver's own directory, usually `/var/lib/kubelet/plugins/<driver>`. Same path in host and container; created if missing. */
  readonly pluginDirectory: string;
  readonly nodeName: string;
  /** UID of the driver's pod; lets two instances run side by side during a rolling update (kubelet 1.33+). */
  readonly podUid?: string;
  readonly holds?: DeviceHolds;
  readonly logger?: Logger;
  /** Told about every finished call, for metrics. */
  readonly onRequest?: (request: DraRequest) => void;
  /** Told when the kubelet accepted or refused the registration. */
  readonly onRegistration?: (status: { readonly registered: boolean; readonly error?: string }) => void;
}

/** One finished claim operation. */
export interface DraRequest {
  readonly method: 'prepare' | 'unprepare';
  readonly claimUID: string;
  readonly durationMs: number;
  readonly error?: Error;
}

/** The kubelet-facing side of a driver. */
export class DraPlugin {
  constructor(_options: DraPluginOptions) {}
  /** Whether the kubelet has accepted the registration. */
  get registered(): boolean {
    return false;
  }
  /** Serves both sockets. */
  start(): Promise<void> {
    throw new Error('not yet');
  }
  /** Deregisters. */
  stop(): Promise<void> {
    throw new Error('not yet');
  }
}
