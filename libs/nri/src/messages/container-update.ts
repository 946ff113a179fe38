import type { LinuxResources } from './linux-resources.ts';

/** A change of an existing container's resources. */
export interface ContainerUpdate {
  readonly containerId: string;
  readonly resources?: LinuxResources;
  /** A failure of this update does not fail the request it came with. */
  readonly ignoreFailure?: boolean;
}

/** A container that the runtime is to stop without being asked to by Kubernetes. Runtimes may ignore it. */
export interface ContainerEviction {
  readonly containerId: string;
  readonly reason?: string;
}

/** A plugin's answer to the update of a container. */
export interface UpdateContainerResult {
  /** For the container itself (to change what was asked for) and for others. */
  readonly updates?: readonly ContainerUpdate[];
  readonly evictions?: readonly ContainerEviction[];
}
