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

export {
  ResourceApiMissingError,
  claimPath,
  resourceApiPath,
  resourceApiVersion,
} from './resource-api/resource-api-version.ts';
export type { ResourceApiVersion } from './resource-api/resource-api-version.ts';
export { Reflector } from './kube/reflector.ts';
export type { ReflectorOptions } from './kube/reflector.ts';
export type { BackoffOptions } from './kube/backoff.ts';

export type {
  AllocatedClaim,
  AllocatedDevice,
  ClaimConsumer,
  ClaimReference,
  DeviceConfiguration,
} from './claims/allocated-claim.ts';
export { resolveClaim } from './claims/resolve-claim.ts';
export {
  ClaimMalformedError,
  ClaimNotAllocatedError,
  ClaimNotFoundError,
  ClaimReplacedError,
} from './claims/claim-errors.ts';
export { DeviceHeldError, DeviceHolds } from './claims/device-holds.ts';
export type { HeldDevice } from './claims/device-holds.ts';

export { DraPlugin } from './plugin/dra-plugin.ts';
export type { DraPluginOptions } from './plugin/dra-plugin.ts';
export type { DraRequest } from './plugin/claim-operations.ts';
export type { RegistrationStatus } from './plugin/plugin-services.ts';
export { SocketPathBlockedError } from './plugin/grpc-socket.ts';
export { SocketPathTooLongError } from './plugin/socket-paths.ts';
export type { SocketPaths } from './plugin/socket-paths.ts';
export type { DraDriver, PreparedDevice } from './plugin/dra-driver.ts';
export { kubeletRelease, knowsSeveralInstances } from './plugin/kubelet-release.ts';
export type { KubernetesRelease } from './plugin/kubelet-release.ts';

export { DeviceFieldProbe } from './slices/device-field-probe.ts';
export type { DeviceFieldProbeOptions, OptionalDeviceField } from './slices/device-field-probe.ts';
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

export { DeviceHealthFeed } from './health/device-health-feed.ts';
export type { DeviceHealth, DeviceHealthFeedOptions } from './health/device-health-feed.ts';

export { ClaimStatusWriter } from './status/claim-status-writer.ts';
export type { ClaimStatusWriterOptions } from './status/claim-status-writer.ts';
export type { ClaimDeviceStatus, DeviceCondition, DeviceNetworkData } from './status/claim-device-status.ts';

export { CdiSpecStore } from './cdi/cdi-spec-store.ts';
export type { CdiSpecStoreOptions } from './cdi/cdi-spec-store.ts';
export type { CdiContainerEdits, CdiDevice, CdiDeviceNode, CdiHook, CdiMount } from './cdi/cdi-spec.ts';

export { DeviceMetadataStore } from './metadata/device-metadata-store.ts';
export type { DeviceMetadataStoreOptions } from './metadata/device-metadata-store.ts';
export { DeviceMetadataInvalidError } from './metadata/device-metadata.ts';
export type { DeviceMetadata, RequestMetadataMount } from './metadata/device-metadata.ts';

export { EventRecorder } from './events/event-recorder.ts';
export type { EventLimits, EventRecorderOptions } from './events/event-recorder.ts';
export type { ObjectEvent, ObjectReference } from './events/object-event.ts';
export type { RateLimit } from './events/token-bucket.ts';
