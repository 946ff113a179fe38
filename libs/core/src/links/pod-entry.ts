import { NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { PodSandbox } from '../backend/backend.ts';
import type { PodNetwork } from '../interfaces/apply/namespace-access.ts';

/** Opens a route socket in a namespace; replaced where calls to the kernel are counted. */
export type OpenSocket = (namespace: NetworkNamespace) => RouteSocket;

/** The kernel's own. */
export const openRouteSocket: OpenSocket = (namespace) => RouteSocket.open({ namespace });

/** A pod's network while something is brought into it. It is closed a moment after it was left: the runtime waits for what comes before. */
export class PodEntry implements PodNetwork, Disposable {
  readonly namespace: NetworkNamespace;
  readonly socket: RouteSocket;

  private constructor(namespace: NetworkNamespace, socket: RouteSocket) {
    this.namespace = namespace;
    this.socket = socket;
  }

  /** @throws NamespaceGoneError when the sandbox has none any more; SystemCallError when the kernel refuses the socket */
  static open({ networkNamespacePath }: PodSandbox, openSocket: OpenSocket): PodEntry {
    const namespace = NetworkNamespace.open(networkNamespacePath);
    try {
      return new PodEntry(namespace, openSocket(namespace));
    } catch (error) {
      namespace.close();
      throw error;
    }
  }

  [Symbol.dispose](): void {
    setImmediate(() => {
      try {
        this.socket.close();
      } finally {
        this.namespace.close();
      }
    });
  }
}
