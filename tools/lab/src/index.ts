export { LabApiServer } from './apiserver/lab-api-server.ts';
export type { ClientOptions, LabApiServerOptions, ResourceApiVersion } from './apiserver/lab-api-server.ts';
export { ApiRequestError, LabApiClient } from './apiserver/lab-api-client.ts';
export type { ApiRequest, ObjectList, WatchEvent } from './apiserver/lab-api-client.ts';
export type { JsonObject, JsonValue, KubeObject, ObjectMeta } from './apiserver/objects/kube-object.ts';
export { DEFAULT_FEATURES } from './apiserver/features.ts';
export type { FeatureName, Features } from './apiserver/features.ts';
export type { Fault, FaultRule, Injection } from './apiserver/http/fault-rules.ts';
export type { RequestRecord } from './apiserver/http/request-record.ts';
export type { ServiceAccountTokenRequest } from './apiserver/authentication/service-account-token.ts';
export type { Access, PathAccess, ResourceAccess } from './apiserver/authorization/access.ts';
export type { AccessCheck } from './apiserver/authorization/caller.ts';
export type { ObjectKey, ObjectStore, StoreEvent } from './apiserver/store/object-store.ts';
export type { Status, StatusCause, StatusDetails } from './apiserver/status-error.ts';
export { LabScheduler } from './scheduler/lab-scheduler.ts';
export type { LabSchedulerOptions } from './scheduler/lab-scheduler.ts';
export { enteredContainerdTools, containerdSeries } from './containerd/containerd-tools.ts';
export type { ContainerdSeries, ContainerdTools } from './containerd/containerd-tools.ts';
export { fetchContainerd } from './containerd/fetch-containerd.ts';
export type { FetchOptions } from './containerd/fetch-containerd.ts';
export { LabContainerd } from './containerd/lab-containerd.ts';
export type { LabContainerdOptions } from './containerd/lab-containerd.ts';
export { LabUnavailableError } from './lab-unavailable-error.ts';
export { runInLab } from './containerd/run-in-lab.ts';
export type { RunInLabOptions } from './containerd/run-in-lab.ts';
export { unmountBelow } from './containerd/unmount-below.ts';
export { labImage } from './containerd/test-image.ts';
export { CriClient } from './cri/cri-client.ts';
export type {
  ContainerDetails,
  ContainerDevice,
  ContainerMount,
  ContainerSpec,
  ContainerState,
  ContainerSummary,
  ExecResult,
} from './cri/container.ts';
export type { PodSandboxDetails, PodSandboxSpec, PodSandboxSummary } from './cri/pod-sandbox.ts';
export { DhcpServer, type DhcpServerOptions, type ServerLease } from './dhcp/dhcp-server.ts';
export { RpcError } from './grpc/rpc-error.ts';
export { AptWorkspace, unpackPackages } from './packages/apt-workspace.ts';
export type { DebianPackage } from './packages/apt-workspace.ts';
export { debianArchive } from './packages/debian-archive.ts';
export type { DebianArchive } from './packages/debian-archive.ts';
export { fetchOnce, wordsOf } from './packages/fetch-once.ts';
export type { Fetch } from './packages/fetch-once.ts';
export { LabKubelet } from './kubelet/lab-kubelet.ts';
export type {
  LabKubeletOptions,
  LabKubeletTimes,
  PodOptions,
  RefusedRegistration,
} from './kubelet/lab-kubelet.ts';
export type { DeviceHealth, HealthState } from './kubelet/device-health-cache.ts';
export { DraProtocolError } from './kubelet/dra-protocol-error.ts';
export type {
  AllocationResult,
  KubeletApi,
  PodEvent,
  PodStatus,
  ResourceClaim,
} from './kubelet/kubelet-api.ts';
export type {
  ContainerClaimReference,
  PodClaimReference,
  PodContainer,
  PodManifest,
} from './kubelet/pod-manifest.ts';
export type { RegisteredPlugin } from './kubelet/plugin-registry.ts';
export type { PodAttempts, RunningPod } from './kubelet/pod-worker.ts';
export { pause, waitUntil, WaitTimeoutError } from './waiting/wait-until.ts';
export type { WaitOptions } from './waiting/wait-until.ts';
export { DriverCredentials } from './cluster/driver-credentials.ts';
export type { DriverCredentialsOptions } from './cluster/driver-credentials.ts';
export { DriverProcess } from './cluster/driver-process.ts';
export { HostNetwork } from './cluster/host-network.ts';
export type { LinkState } from './cluster/host-network.ts';
export { LabCluster } from './cluster/lab-cluster.ts';
export type { LabClusterOptions, PodTemplate } from './cluster/lab-cluster.ts';
export { deviceClass, driverName, resourceClaim } from './cluster/patchbay-objects.ts';
export { vmCardAddresses } from './vm/qemu-command.ts';
export { fetchVm } from './vm/fetch-vm.ts';
export { runInVm, VmCrashedError } from './vm/run-in-vm.ts';
export type { RunInVmOptions } from './vm/run-in-vm.ts';
export { vmKernels } from './vm/vm-tools.ts';
export type { VmKernel, VmTools } from './vm/vm-tools.ts';
