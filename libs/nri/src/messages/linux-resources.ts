/**
 * A 64-bit integer. Received values are numbers as long as they are exact (|value| < 2^53) and bigints beyond; both are accepted in
 * what is sent.
 */
export type Int64 = number | bigint;

/** Resource limits of a Linux container or pod, as the OCI runtime specification has them. What is absent is not limited or not changed. */
export interface LinuxResources {
  readonly memory?: LinuxMemory;
  readonly cpu?: LinuxCpu;
  readonly hugepageLimits?: readonly HugepageLimit[];
  /** Name of a block I/O class that the runtime is configured with. */
  readonly blockioClass?: string;
  /** Name of a resource control (Intel RDT) class that the runtime is configured with. */
  readonly rdtClass?: string;
  /** cgroup v2 files and what is written to them. */
  readonly unified?: Readonly<Record<string, string>>;
  /** Device cgroup rules. Runtimes only report them. */
  readonly devices?: readonly LinuxDeviceRule[];
  readonly pids?: LinuxPids;
}

/** Memory limits in bytes, -1 for none. */
export interface LinuxMemory {
  readonly limit?: Int64;
  readonly reservation?: Int64;
  /** Memory and swap together. */
  readonly swap?: Int64;
  readonly kernel?: Int64;
  readonly kernelTcp?: Int64;
  /** 0 to 100. */
  readonly swappiness?: Int64;
  readonly disableOomKiller?: boolean;
  readonly useHierarchy?: boolean;
}

/** CPU time and placement. Times are in µs. */
export interface LinuxCpu {
  readonly shares?: Int64;
  readonly quota?: Int64;
  readonly period?: Int64;
  readonly realtimeRuntime?: Int64;
  readonly realtimePeriod?: Int64;
  /** CPUs as in cpuset(7), '0-3,8'; empty means any. */
  readonly cpus?: string;
  /** Memory nodes as in cpuset(7); empty means any. */
  readonly mems?: string;
}

/** How many bytes of huge pages of one size a container may use. */
export interface HugepageLimit {
  /** '2MB', '1GB'. */
  readonly pageSize: string;
  /** Bytes. */
  readonly limit: Int64;
}

/** How many processes a container may have, -1 for no limit. */
export interface LinuxPids {
  readonly limit: Int64;
}

/** One rule of the device cgroup. */
export interface LinuxDeviceRule {
  readonly allow: boolean;
  /** 'a' all, 'c' character, 'b' block. */
  readonly type: string;
  /** Absent means every number. */
  readonly major?: Int64;
  readonly minor?: Int64;
  /** Out of 'r', 'w' and 'm' (mknod). */
  readonly access: string;
}
