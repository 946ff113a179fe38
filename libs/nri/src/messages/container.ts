import type { Int64, LinuxResources } from './linux-resources.ts';
import type {
  LinuxDevice,
  LinuxIoPriority,
  LinuxNamespace,
  LinuxNetDevice,
  LinuxRdt,
  LinuxScheduler,
  LinuxSeccomp,
  SecurityProfile,
} from './linux-settings.ts';

/** A container as the runtime has it, or as it is about to create it. */
export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly name: string;
  readonly state: ContainerState;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** 'NAME=value'. */
  readonly env: readonly string[];
  readonly mounts: readonly Mount[];
  readonly hooks?: Hooks;
  readonly linux?: LinuxContainer;
  /** Absent before the container's process exists. */
  readonly pid?: number;
  readonly rlimits: readonly Rlimit[];
  /** Unix time in ms, with fractions; like the next two absent when the runtime does not tell. */
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exitCode: number;
  readonly statusReason: string;
  readonly statusMessage: string;
  /** Qualified CDI names, 'vendor/class=name'. */
  readonly cdiDevices: readonly string[];
  readonly user?: User;
  readonly image?: ContainerImage;
}

/** Where a container is in its life. */
export type ContainerState = 'unknown' | 'created' | 'paused' | 'running' | 'stopped';

/** A mount of a container. */
export interface Mount {
  /** Path in the container. */
  readonly destination: string;
  /** Path on the node for 'bind', else what mount(8) calls the device. */
  readonly source: string;
  /** 'bind', 'tmpfs', 'proc' … */
  readonly type: string;
  /** As in mount(8): 'rbind', 'ro'. A bind mount needs 'bind' or 'rbind'. */
  readonly options: readonly string[];
}

/** A resource limit of a container's processes; see getrlimit(2). */
export interface Rlimit {
  /** 'RLIMIT_NOFILE'. */
  readonly type: string;
  readonly hard: Int64;
  readonly soft: Int64;
}

/** Programs that the OCI runtime runs at points of a container's life; see the OCI runtime specification. */
export interface Hooks {
  readonly prestart?: readonly Hook[];
  readonly createRuntime?: readonly Hook[];
  readonly createContainer?: readonly Hook[];
  readonly startContainer?: readonly Hook[];
  readonly poststart?: readonly Hook[];
  readonly poststop?: readonly Hook[];
}

/** One such program. */
export interface Hook {
  readonly path: string;
  /** With the program's name as the first, as in execve(2). */
  readonly args?: readonly string[];
  /** 'NAME=value'. */
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: Int64;
}

/** Who the container's process runs as. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
}

/** What the container was made from. */
export interface ContainerImage {
  readonly name: string;
  /** Of the image index or manifest, 'sha256:…'. */
  readonly digest: string;
  /** Of the image configuration, 'sha256:…'. */
  readonly configDigest: string;
}

/** The Linux part of a container. */
export interface LinuxContainer {
  readonly namespaces: readonly LinuxNamespace[];
  readonly devices: readonly LinuxDevice[];
  readonly resources?: LinuxResources;
  readonly oomScoreAdj?: Int64;
  readonly cgroupsPath: string;
  readonly ioPriority?: LinuxIoPriority;
  readonly seccompProfile?: SecurityProfile;
  readonly seccompPolicy?: LinuxSeccomp;
  readonly sysctl: Readonly<Record<string, string>>;
  /** By the device's name on the node. */
  readonly netDevices: Readonly<Record<string, LinuxNetDevice>>;
  readonly scheduler?: LinuxScheduler;
  readonly rdt?: LinuxRdt;
}
