import {
  EthtoolSocket,
  NamespacePrograms,
  NamespaceSysctls,
  NetlinkError,
  type NetworkNamespace,
} from '@patchbay/netlink';

/** Features and private flags of the host's links. */
export type EthtoolPort = Pick<
  EthtoolSocket,
  'features' | 'setFeatures' | 'privateFlags' | 'setPrivateFlags'
> &
  Disposable;

/** What a link has on the host beyond what a route socket shows. */
export interface HostLinkAccess {
  readonly sysctls: Pick<NamespaceSysctls, 'readDirectories' | 'write'>;
  readonly programs: Pick<NamespacePrograms, 'tcxPrograms' | 'detachTcx'>;
  /** Opened for each use; undefined where the kernel has nothing of the kind. */
  openEthtool(): EthtoolPort | undefined;
}

/** The kernel's own. The namespace is the host's and stays the caller's to close. */
export function hostLinkAccess(namespace: NetworkNamespace): HostLinkAccess {
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
