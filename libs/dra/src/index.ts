export type { Logger } from './logger.ts';
export { silentLogger } from './logger.ts';
export type { JsonObject, JsonValue } from './json.ts';

export { ApiError, ApiUnreachableError, isApiError } from './kube/api-error.ts';
export type { FailedRequest } from './kube/api-error.ts';
export { KubeApi } from './kube/kube-api.ts';
export type { ApiRequest, KubeApiOptions, WatchRequest } from './kube/kube-api.ts';
export {
  inClusterConnection,
  kubeConfigConnection,
  kubeConfigFileConnection,
} from './kube/kube-connection.ts';
export type { KubeConnection, RequestSettings } from './kube/kube-connection.ts';
export type {
  KubernetesList,
  KubernetesObject,
  ObjectMeta,
  OwnerReference,
  WatchEvent,
} from './kube/kubernetes-object.ts';

export type {
  AllocatedClaim,
  AllocatedDevice,
  ClaimConsumer,
  ClaimReference,
  DeviceConfiguration,
} from './claims/allocated-claim.ts';
export { resolveClaim } from './claims/resolve-claim.ts';
export { DeviceHeldError, DeviceHolds } from './claims/device-holds.ts';
export type { HeldDevice } from './claims/device-holds.ts';

export { DraPlugin } from './plugin/dra-plugin.ts';
export type { DraPluginOptions, DraRequest } from './plugin/dra-plugin.ts';
export type { DraDriver, PreparedDevice } from './plugin/dra-driver.ts';

export { ResourceSlicePublisher } from './slices/resource-slice-publisher.ts';
export type { ResourceSlicePublisherOptions } from './slices/resource-slice-publisher.ts';
export type {
  AttributeValue,
  CapacityRequestPolicy,
  Device,
  DeviceCapacity,
  DevicePool,
  DeviceTaint,
} from './slices/device.ts';

export { ClaimStatusWriter } from './status/claim-status-writer.ts';
export type { ClaimStatusWriterOptions } from './status/claim-status-writer.ts';
export type { ClaimDeviceStatus, DeviceCondition, DeviceNetworkData } from './status/claim-device-status.ts';

export { CdiSpecStore } from './cdi/cdi-spec-store.ts';
export type { CdiSpecStoreOptions } from './cdi/cdi-spec-store.ts';
export type { CdiContainerEdits, CdiDevice, CdiDeviceNode, CdiHook, CdiMount } from './cdi/cdi-spec.ts';
