/** The DRA services that kubelets can talk to, by the names that drivers register; the names on the wire are others. */
export type DraServiceName = 'v1.DRAPlugin' | 'v1beta1.DRAPlugin';

/** The services by which kubelets learn of devices' health; names that drivers register and names on the wire are the same. */
export type HealthServiceName = 'v1.DRAResourceHealth' | 'v1alpha1.DRAResourceHealth';

/** In what a release's kubelet differs from others, as far as a DRA driver can tell. Facts: kubernetes/kubernetes, pkg/kubelet. */
export interface KubeletRelease {
  /** As in a node's `status.nodeInfo.kubeletVersion`, such as `v1.36.0`. */
  readonly version: string;
  /** Best first. Before 1.34 also v1alpha4, which the lab does not speak. */
  readonly draServices: readonly DraServiceName[];
  /** Best first; empty before 1.34. */
  readonly healthServices: readonly HealthServiceName[];
  /**
   * Whether instances of one driver can be registered side by side (1.33). Before, a registration replaces the one before it, and the end of
   * any registration socket of a driver deregisters the driver, whichever of its instances is in use.
   */
  readonly severalInstances: boolean;
  /** Whether the slices of a driver that has deregistered are left alone for a while (1.33); before, they are wiped at once. */
  readonly wipesLater: boolean;
  /** Whether a lost connection to the driver's service counts (1.34): the driver is not preferred, and its slices are wiped in the end. */
  readonly watchesConnections: boolean;
}

const form = /^v?1\.(\d+)(?:\.(\d+))?$/;

/** The first release whose kubelet speaks v1beta1 of the protocol, the oldest that the lab knows. */
const oldestMinor = 32;

/**
 * The kubelet of a Kubernetes release.
 *
 * @param text `1.36`, `1.36.2` or `v1.36.2`
 * @throws RangeError for anything else, and for releases before 1.32
 */
export function kubeletRelease(text: string): KubeletRelease {
  const match = form.exec(text);
  const minor = Number(match?.[1] ?? 0);
  if (minor < oldestMinor) throw new RangeError(`no kubelet of release '${text}' in the lab; 1.32 and later`);
  return {
    version: `v1.${String(minor)}.${match?.[2] ?? '0'}`,
    draServices: minor >= 34 ? ['v1.DRAPlugin', 'v1beta1.DRAPlugin'] : ['v1beta1.DRAPlugin'],
    healthServices: healthServices(minor),
    severalInstances: minor >= 33,
    wipesLater: minor >= 33,
    watchesConnections: minor >= 34,
  };
}

function healthServices(minor: number): readonly HealthServiceName[] {
  if (minor >= 37) return ['v1.DRAResourceHealth', 'v1alpha1.DRAResourceHealth'];
  return minor >= 34 ? ['v1alpha1.DRAResourceHealth'] : [];
}
