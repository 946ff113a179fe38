/**
 * Feature gates (names from kubernetes/kubernetes pkg/features). While one is off the server drops the fields that it covers on write,
 * as the real one does; DRAResourceClaimGranularStatusAuthorization covers no fields but a check.
 */
export interface Features {
  DRAAdminAccess: boolean;
  DRAConsumableCapacity: boolean;
  DRADeviceBindingConditions: boolean;
  DRADeviceTaints: boolean;
  DRAExtendedResource: boolean;
  DRAListTypeAttributes: boolean;
  DRAPartitionableDevices: boolean;
  DRAPrioritizedList: boolean;
  DRAResourceClaimDeviceStatus: boolean;
  /** Who changes a claim's status needs more than `resourceclaims/status`; beta and on since Kubernetes 1.36. */
  DRAResourceClaimGranularStatusAuthorization: boolean;
}

/** A feature gate's name. */
export type FeatureName = keyof Features;

/** Everything on but what is alpha: the widest server that a driver meets without special configuration. */
export const DEFAULT_FEATURES: Readonly<Features> = {
  DRAAdminAccess: true,
  DRAConsumableCapacity: true,
  DRADeviceBindingConditions: true,
  DRADeviceTaints: true,
  DRAExtendedResource: true,
  DRAListTypeAttributes: false,
  DRAPartitionableDevices: true,
  DRAPrioritizedList: true,
  DRAResourceClaimDeviceStatus: true,
  DRAResourceClaimGranularStatusAuthorization: true,
};
