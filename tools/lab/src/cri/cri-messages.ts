import type { ContainerSpec, ContainerState, ContainerSummary } from './container.ts';
import { labImage } from '../containerd/test-image.ts';
import type { PodSandboxDetails, PodSandboxSpec, PodSandboxSummary } from './pod-sandbox.ts';

/** Environment variable with the cgroup of the lab, set by `runInLab`; sandboxes go there unless they say otherwise. */
export const cgroupVariable = 'LAB_CGROUP';

interface MetadataMessage {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

/** `runtime.v1.PodSandbox` */
export interface PodSandboxMessage {
  readonly id: string;
  readonly metadata: MetadataMessage | null;
  readonly state: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

/** `runtime.v1.PodSandboxStatusResponse` */
export interface PodSandboxStatusMessage {
  readonly status:
    | (PodSandboxMessage & {
        readonly network: { readonly ip: string; readonly additionalIps: { readonly ip: string }[] } | null;
      })
    | null;
  readonly info: Record<string, string>;
}

/** `runtime.v1.Container` */
export interface ContainerMessage {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: { readonly name: string; readonly attempt: number } | null;
  readonly state: string;
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
}

/** `runtime.v1.ContainerStatusResponse` */
export interface ContainerStatusMessage {
  readonly status:
    | (Omit<ContainerMessage, 'podSandboxId'> & {
        readonly exitCode: number;
        readonly reason: string;
        readonly message: string;
      })
    | null;
}

/** Makes a `runtime.v1.PodSandboxConfig`. */
export function podSandboxConfig(spec: PodSandboxSpec): object {
  const hostNetwork = spec.hostNetwork ?? false;
  return {
    metadata: { name: spec.name, namespace: spec.namespace, uid: spec.uid, attempt: spec.attempt ?? 0 },
    // A hostname would need a UTS namespace of the pod's own, which host-network pods do not get.
    hostname: hostNetwork ? '' : (spec.hostname ?? spec.name),
    logDirectory: spec.logDirectory ?? '',
    labels: {
      'io.kubernetes.pod.name': spec.name,
      'io.kubernetes.pod.namespace': spec.namespace,
      'io.kubernetes.pod.uid': spec.uid,
      ...spec.labels,
    },
    annotations: { ...spec.annotations },
    linux: {
      cgroupParent: spec.cgroupParent ?? process.env[cgroupVariable] ?? '',
      sysctls: { ...spec.sysctls },
      securityContext: { namespaceOptions: namespaceOptions(hostNetwork) },
    },
  };
}

/** Makes a `runtime.v1.ContainerConfig`. */
export function containerConfig(container: ContainerSpec, sandbox: PodSandboxSpec): object {
  return {
    metadata: { name: container.name, attempt: container.attempt ?? 0 },
    image: { image: container.image ?? labImage },
    command: container.command ?? [],
    args: container.args ?? [],
    envs: Object.entries(container.env ?? {}).map(([key, value]) => ({ key, value })),
    mounts: (container.mounts ?? []).map((mount) => ({
      hostPath: mount.source,
      containerPath: mount.destination,
      readonly: mount.readOnly ?? false,
    })),
    devices: (container.devices ?? []).map((device) => ({
      hostPath: device.source,
      containerPath: device.destination,
      permissions: device.permissions ?? 'rwm',
    })),
    CDIDevices: (container.cdiDevices ?? []).map((name) => ({ name })),
    labels: {
      'io.kubernetes.container.name': container.name,
      'io.kubernetes.pod.name': sandbox.name,
      'io.kubernetes.pod.namespace': sandbox.namespace,
      'io.kubernetes.pod.uid': sandbox.uid,
      ...container.labels,
    },
    annotations: { ...container.annotations },
    logPath:
      sandbox.logDirectory === undefined ? '' : `${container.name}_${String(container.attempt ?? 0)}.log`,
    linux: {
      securityContext: {
        privileged: container.privileged ?? false,
        capabilities: { addCapabilities: container.capabilities ?? [] },
        namespaceOptions: namespaceOptions(sandbox.hostNetwork ?? false),
      },
    },
  };
}

/** Reads a `runtime.v1.PodSandbox`. */
export function podSandboxSummary(message: PodSandboxMessage): PodSandboxSummary {
  return {
    id: message.id,
    name: message.metadata?.name ?? '',
    namespace: message.metadata?.namespace ?? '',
    uid: message.metadata?.uid ?? '',
    attempt: message.metadata?.attempt ?? 0,
    state: message.state === 'SANDBOX_READY' ? 'ready' : 'not-ready',
    labels: message.labels,
    annotations: message.annotations,
  };
}

/** Reads a verbose `runtime.v1.PodSandboxStatusResponse`; the namespace's path is in containerd's free-form `info`. */
export function podSandboxDetails(message: PodSandboxStatusMessage): PodSandboxDetails | undefined {
  if (!message.status) return undefined;
  const network = message.status.network;
  const ips = network
    ? [network.ip, ...network.additionalIps.map(({ ip }) => ip)].filter((ip) => ip !== '')
    : [];
  const info = verboseInfo(message.info['info']);
  return {
    ...podSandboxSummary(message.status),
    ips,
    ...(info.networkNamespacePath === undefined ? {} : { networkNamespacePath: info.networkNamespacePath }),
    ...(info.pid === undefined ? {} : { pid: info.pid }),
  };
}

/** Reads a `runtime.v1.Container`. */
export function containerSummary(message: ContainerMessage): ContainerSummary {
  return {
    id: message.id,
    podSandboxId: message.podSandboxId,
    name: message.metadata?.name ?? '',
    attempt: message.metadata?.attempt ?? 0,
    state: containerState(message.state),
    labels: message.labels,
    annotations: message.annotations,
  };
}

/** Reads a `runtime.v1.ContainerState`. */
export function containerState(state: string): ContainerState {
  switch (state) {
    case 'CONTAINER_CREATED':
      return 'created';
    case 'CONTAINER_RUNNING':
      return 'running';
    case 'CONTAINER_EXITED':
      return 'exited';
    default:
      return 'unknown';
  }
}

/** The wire's default for processes is one namespace for the whole pod; Kubernetes' own default is one per container. */
function namespaceOptions(hostNetwork: boolean): object {
  return { network: hostNetwork ? 'NODE' : 'POD', pid: 'CONTAINER', ipc: 'POD' };
}

function verboseInfo(text: string | undefined): { networkNamespacePath?: string; pid?: number } {
  if (text === undefined) return {};
  const info: unknown = JSON.parse(text);
  const pid = field(info, 'pid');
  const namespaces = field(field(field(info, 'runtimeSpec'), 'linux'), 'namespaces');
  const network: unknown = Array.isArray(namespaces)
    ? namespaces.find((entry: unknown) => field(entry, 'type') === 'network')
    : undefined;
  const path = field(network, 'path');
  return {
    ...(typeof pid === 'number' && pid > 0 ? { pid } : {}),
    ...(typeof path === 'string' && path !== '' ? { networkNamespacePath: path } : {}),
  };
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
