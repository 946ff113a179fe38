import type { Int64 } from './linux-resources.ts';

/** A Linux namespace of a pod or container. */
export interface LinuxNamespace {
  /** 'network', 'mount', 'pid', 'ipc', 'uts', 'user', 'cgroup'. */
  readonly type: string;
  /** File that names it; empty for one that the runtime makes for the container. */
  readonly path: string;
}

/** A device node in a container. */
export interface LinuxDevice {
  /** Inside the container, '/dev/net/tun'. */
  readonly path: string;
  /** 'c' character, 'b' block, 'u' unbuffered character, 'p' FIFO. */
  readonly type: string;
  readonly major: Int64;
  readonly minor: Int64;
  /** Permission bits, 0o660. */
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** See ioprio_set(2). */
export interface LinuxIoPriority {
  readonly class: 'none' | 'rt' | 'be' | 'idle';
  /** 0 (first) to 7. */
  readonly priority: number;
}

/** A network device that the OCI runtime moves into the container, by the name it gets there. */
export interface LinuxNetDevice {
  readonly name: string;
}

/** See sched_setattr(2). Times in ns. */
export interface LinuxScheduler {
  readonly policy: 'none' | 'other' | 'fifo' | 'rr' | 'batch' | 'iso' | 'idle' | 'deadline';
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly (
    | 'reset-on-fork'
    | 'reclaim'
    | 'dl-overrun'
    | 'keep-policy'
    | 'keep-params'
    | 'util-clamp-min'
    | 'util-clamp-max'
  )[];
  readonly runtime?: Int64;
  readonly deadline?: Int64;
  readonly period?: Int64;
}

/** Resource control (Intel RDT). */
export interface LinuxRdt {
  readonly closId?: string;
  readonly schemata?: readonly string[];
  readonly enableMonitoring?: boolean;
  /** In an adjustment: drop the container's settings. */
  readonly remove?: boolean;
}

/** See set_mempolicy(2). */
export interface LinuxMemoryPolicy {
  readonly mode:
    'default' | 'preferred' | 'bind' | 'interleave' | 'local' | 'preferred-many' | 'weighted-interleave';
  /** Memory nodes as in cpuset(7). */
  readonly nodes?: string;
  readonly flags?: readonly ('static-nodes' | 'relative-nodes' | 'numa-balancing')[];
}

/** Where a container's seccomp filter comes from. */
export interface SecurityProfile {
  readonly profileType: 'runtime-default' | 'unconfined' | 'localhost';
  /** File on the node, for 'localhost'. */
  readonly localhostRef: string;
}

/** A seccomp filter, as the OCI runtime specification has it. */
export interface LinuxSeccomp {
  /** 'SCMP_ACT_ERRNO'. */
  readonly defaultAction: string;
  readonly defaultErrno?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly LinuxSyscall[];
}

/** What a seccomp filter does with some system calls. */
export interface LinuxSyscall {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly LinuxSeccompArgument[];
}

/** A condition on one argument of a system call. */
export interface LinuxSeccompArgument {
  readonly index: number;
  readonly value: Int64;
  readonly valueTwo?: Int64;
  /** 'SCMP_CMP_EQ'. */
  readonly op: string;
}
