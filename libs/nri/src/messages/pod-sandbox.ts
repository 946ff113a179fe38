import type { LinuxResources } from './linux-resources.ts';
import type { LinuxNamespace } from './linux-settings.ts';

/** A pod as the runtime has it. Runtimes fill in different parts at different events. */
export interface PodSandbox {
  /** The sandbox's id in the runtime; a pod whose sandbox is made anew gets another one. */
  readonly id: string;
  readonly name: string;
  /** Kubernetes' UID of the pod. */
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** Empty for the runtime's default handler. */
  readonly runtimeHandler: string;
  /** Of the pause process; absent when there is none or the runtime does not tell. */
  readonly pid?: number;
  /**
   * The pod's network namespace: a file under /run/netns, or /proc/<pid>/ns/net in container events. Absent for host-network pods, after
   * a pod's namespace is gone, and in containerd 1.7's StopPodSandbox, which leaves it out while the namespace still exists.
   */
  readonly networkNamespacePath?: string;
  /** The pod's addresses from CNI, if the runtime tells them. */
  readonly ips: readonly string[];
  readonly linux?: LinuxPodSandbox;
}

/** The Linux part of a pod. */
export interface LinuxPodSandbox {
  readonly podOverhead?: LinuxResources;
  readonly podResources?: LinuxResources;
  readonly cgroupParent: string;
  readonly cgroupsPath: string;
  readonly namespaces: readonly LinuxNamespace[];
  readonly resources?: LinuxResources;
}
