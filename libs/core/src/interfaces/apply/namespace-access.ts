import { NamespacePrograms, type NetworkNamespace, type RouteSocket } from '@patchbay/netlink';
import { type HostLinkAccess, hostLinkAccess } from '../../links/link-snapshot/host-link-access.ts';

/** A pod's namespace and a route socket in it. */
export interface PodNetwork {
  readonly namespace: NetworkNamespace;
  readonly socket: RouteSocket;
}

/** What the links of a namespace have beyond what a route socket shows. */
export interface NamespaceAccess extends HostLinkAccess {
  readonly programs: Pick<NamespacePrograms, 'tcxPrograms' | 'detachTcx'>;
}

/** The kernel's own. The namespace stays the caller's to close, and must be open as long as this is used. */
export function namespaceAccess(namespace: NetworkNamespace): NamespaceAccess {
  return { ...hostLinkAccess(namespace), programs: new NamespacePrograms(namespace) };
}
