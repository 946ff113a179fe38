/** A bind mount from the node into a container. */
export interface ContainerMount {
  /** Path on the node. */
  readonly source: string;
  /** Path in the container. */
  readonly destination: string;
  readonly readOnly?: boolean;
}

/** A device node from the node in a container. */
export interface ContainerDevice {
  /** Path on the node. */
  readonly source: string;
  /** Path in the container. */
  readonly destination: string;
  /** Of `r`, `w` and `m`; all by default. */
  readonly permissions?: string;
}

/** What a container is made from. */
export interface ContainerSpec {
  readonly name: string;
  /** Counts the containers made for one container of the pod; 0 by default. The runtime refuses a pair that it already has. */
  readonly attempt?: number;
  /** The lab's test image by default. */
  readonly image?: string;
  /** The image's command by default. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly mounts?: readonly ContainerMount[];
  readonly devices?: readonly ContainerDevice[];
  /** Qualified CDI device names, `vendor/class=device`. */
  readonly cdiDevices?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly privileged?: boolean;
  /** Linux capabilities to add, without `CAP_`. */
  readonly capabilities?: readonly string[];
}

/** Life of a container, in the runtime's words. */
export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

/** A container as the runtime lists it. */
export interface ContainerSummary {
  readonly id: string;
  readonly podSandboxId: string;
  readonly name: string;
  readonly attempt: number;
  readonly state: ContainerState;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Why and how a container ended, next to its state. */
export interface ContainerDetails {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly state: ContainerState;
  readonly exitCode: number;
  /** One word, such as `Completed` or `StartError`. */
  readonly reason: string;
  readonly message: string;
}

/** What a command in a container wrote and how it ended. */
export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}
