export { NriPlugin } from './plugin/nri-plugin.ts';
export type { ConnectionState, NriPluginOptions, NriRequest } from './plugin/nri-plugin.ts';
export type { NriHandlers, RuntimeInfo } from './plugin/nri-handlers.ts';
export type { BackoffOptions } from './plugin/backoff.ts';
export type { Logger } from './logger.ts';
export { silentLogger } from './logger.ts';
export type { LinuxPodSandbox, PodSandbox } from './messages/pod-sandbox.ts';
export type {
  Container,
  ContainerImage,
  ContainerState,
  Hook,
  Hooks,
  LinuxContainer,
  Mount,
  Rlimit,
  User,
} from './messages/container.ts';
export type {
  ContainerAdjustment,
  CreateContainerResult,
  LinuxContainerAdjustment,
} from './messages/container-adjustment.ts';
export type {
  ContainerEviction,
  ContainerUpdate,
  UpdateContainerResult,
} from './messages/container-update.ts';
export type { ContainerValidation, PluginInstance } from './messages/container-validation.ts';
export type {
  HugepageLimit,
  Int64,
  LinuxCpu,
  LinuxDeviceRule,
  LinuxMemory,
  LinuxPids,
  LinuxResources,
} from './messages/linux-resources.ts';
export type {
  LinuxDevice,
  LinuxIoPriority,
  LinuxMemoryPolicy,
  LinuxNamespace,
  LinuxNetDevice,
  LinuxRdt,
  LinuxScheduler,
  LinuxSeccomp,
  LinuxSeccompArgument,
  LinuxSyscall,
  SecurityProfile,
} from './messages/linux-settings.ts';
export {
  ConnectionLostError,
  InvalidPluginOptionsError,
  NotConnectedError,
  RuntimeUnreachableError,
} from './plugin/connection-errors.ts';
export { InvalidReplyError } from './messages/plain-writer.ts';
export { MuxFrameTooLargeError } from './mux/mux-frame.ts';
export { TtrpcError } from './ttrpc/ttrpc-error.ts';
