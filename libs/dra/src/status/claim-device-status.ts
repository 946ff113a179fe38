import type { JsonObject } from '../json.ts';

/** One condition of an allocated device, like any Kubernetes condition. */
export interface DeviceCondition {
  /** `Ready` by convention. */
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  /** One CamelCase word for programs. */
  readonly reason: string;
  /** A sentence for people. */
  readonly message: string;
  /** RFC 3339; kept by the writer from what the claim says as long as `status` stays the same, so usually left out. */
  readonly lastTransitionTime?: string;
}

/** What a driver reports about one device of a claim (`ResourceClaim.status.devices[]`, KEP-4817). */
export interface ClaimDeviceStatus {
  readonly pool: string;
  readonly device: string;
  readonly shareId?: string;
  /** At most 8 are kept, `Ready` first. */
  readonly conditions: readonly DeviceCondition[];
  /** Whatever the driver wants to tell; 10 KiB of JSON are kept. */
  readonly data?: JsonObject;
  readonly networkData?: DeviceNetworkData;
}

/** The standardised description of a device that is a network interface in the pod. */
export interface DeviceNetworkData {
  readonly interfaceName?: string;
  readonly hardwareAddress?: string;
  /** `address/prefix length` with host bits; at most 16 are kept. */
  readonly ips?: readonly string[];
}
