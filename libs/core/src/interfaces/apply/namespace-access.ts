import {
  EthtoolSocket,
  NamespacePrograms,
  NamespaceSysctls,
  NetlinkError,
  type NetworkNamespace,
  type RouteSocket,
} from '@patchbay/netlink';

/** A pod's namespace and a route socket in it. */
export interface PodNetwork {
  readonly namespace: NetworkNamespace;
  readonly socket: RouteSocket;
}

/** What the links of a namespace have beyond what a route socket shows. */
export interface NamespaceAccess {
  readonly sysctls: Pick<NamespaceSysctls, 'write'>;
  /** Opened for each use; undefined where the kernel has nothing of the kind. */
  openEthtool(): (Pick<EthtoolSocket, 'setFeatures' | 'setPrivateFlags'> & Disposable) | undefined;
  readonly programs: Pick<NamespacePrograms, 'tcxPrograms' | 'detachTcx'>;
}

/** The kernel's own. The namespace stays the caller's to close, and must be open as long as this is used. */
export function namespaceAccess(namespace: NetworkNamespace): NamespaceAccess {
  return {
    sysctls: new NamespaceSysctls(namespace),
    programs: new NamespacePrograms(namespace),
    openEthtool() {
      try {
        return EthtoolSocket.open({ namespace });
      } catch (error) {
        if (error instanceof NetlinkError && error.code === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}
