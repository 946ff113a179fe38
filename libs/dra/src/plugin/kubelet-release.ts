import type { KubeApi } from '../kube/kube-api.ts';
import type { KubernetesObject } from '../kube/kubernetes-object.ts';

/** A release of Kubernetes, such as 1.33. */
export interface KubernetesRelease {
  readonly major: number;
  readonly minor: number;
}

/**
 * The release of a node's kubelet, as the node says (`status.nodeInfo.kubeletVersion`).
 *
 * @returns undefined when the node does not say, or says what is no version
 * @throws what `KubeApi.request` throws
 */
export async function kubeletRelease(
  api: KubeApi,
  nodeName: string,
  options: { readonly signal?: AbortSignal; readonly timeoutMs?: number } = {},
): Promise<KubernetesRelease | undefined> {
  const path = `/api/v1/nodes/${encodeURIComponent(nodeName)}`;
  const node = await api.request<KubernetesObject & { status?: { nodeInfo?: { kubeletVersion?: string } } }>({
    method: 'GET',
    path,
    ...options,
  });
  const match = /^v?(\d+)\.(\d+)/.exec(node.status?.nodeInfo?.kubeletVersion ?? '');
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Whether a kubelet lets two instances of a driver be registered at a time, with sockets of their own (since 1.33). */
export function knowsSeveralInstances({ major, minor }: KubernetesRelease): boolean {
  return major > 1 || (major === 1 && minor >= 33);
}
