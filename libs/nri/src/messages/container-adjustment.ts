import type { Hooks, Mount, Rlimit } from './container.ts';
import type { ContainerEviction, ContainerUpdate } from './container-update.ts';
import type { Int64, LinuxResources } from './linux-resources.ts';
import type {
  LinuxDevice,
  LinuxIoPriority,
  LinuxMemoryPolicy,
  LinuxNamespace,
  LinuxNetDevice,
  LinuxRdt,
  LinuxScheduler,
  LinuxSeccomp,
} from './linux-settings.ts';

/**
 * What a plugin changes about a container that is about to be created. The runtime fails the creation when two plugins set the same
 * thing; a plugin that wants to replace what an earlier one set names it under `remove…` as well: removals are sent first.
 */
export interface ContainerAdjustment {
  readonly annotations?: Readonly<Record<string, string>>;
  /** Annotation keys. */
  readonly removeAnnotations?: readonly string[];
  readonly mounts?: readonly Mount[];
  /** Destinations. */
  readonly removeMounts?: readonly string[];
  /** By name. */
  readonly env?: Readonly<Record<string, string>>;
  /** Names. */
  readonly removeEnv?: readonly string[];
  /** The container's whole command line. */
  readonly args?: readonly string[];
  /** With `args`: also when an earlier plugin has set them. */
  readonly overrideArgs?: boolean;
  /** Added to those that the container has. */
  readonly hooks?: Hooks;
  readonly rlimits?: readonly Rlimit[];
  /** Qualified CDI names, 'vendor/class=name'. An unknown one fails the creation. NRI ≥ 0.7; older runtimes ignore it. */
  readonly cdiDevices?: readonly string[];
  /** Device nodes; the runtime also allows them in the device cgroup. */
  readonly devices?: readonly LinuxDevice[];
  /** Paths in the container. */
  readonly removeDevices?: readonly string[];
  readonly linux?: LinuxContainerAdjustment;
}

/** The rest of the Linux settings that a plugin can change. */
export interface LinuxContainerAdjustment {
  readonly resources?: LinuxResources;
  readonly cgroupsPath?: string;
  /** -1000 to 1000. */
  readonly oomScoreAdj?: Int64;
  readonly ioPriority?: LinuxIoPriority;
  readonly seccompPolicy?: LinuxSeccomp;
  readonly namespaces?: readonly LinuxNamespace[];
  /** Namespace types. */
  readonly removeNamespaces?: readonly string[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly removeSysctl?: readonly string[];
  /** By the device's name on the node. Breaks on a pod's second container: the device is no longer on the node then. */
  readonly netDevices?: Readonly<Record<string, LinuxNetDevice>>;
  /** Names on the node. */
  readonly removeNetDevices?: readonly string[];
  readonly scheduler?: LinuxScheduler;
  readonly rdt?: LinuxRdt;
  readonly memoryPolicy?: LinuxMemoryPolicy;
}

/** A plugin's answer to the creation of a container: the adjustment, and what happens to other containers along with it. */
export interface CreateContainerResult extends ContainerAdjustment {
  readonly updates?: readonly ContainerUpdate[];
  readonly evictions?: readonly ContainerEviction[];
}
