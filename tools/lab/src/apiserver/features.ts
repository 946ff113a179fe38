/**
 * Feature gates whose fields the server drops on write while the gate is off, as the real one does
 * (names from kubernetes/kubernetes pkg/features).
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
};
