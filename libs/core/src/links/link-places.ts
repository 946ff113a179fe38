import { type Link, NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { DevicePlace, SandboxOfDevice } from '../backend/backend.ts';
import { findByIndex, findInPod, findOnHost } from './link-identity.ts';
import type { LinkSnapshot } from './link-snapshot/link-snapshot.ts';
import { openUnlessGone } from './open-unless-gone.ts';

/** Says where links are that {@link MovedLinks} and {@link CreatedLinks} have brought into pods; changes nothing. */
export class LinkPlaces {
  readonly #host: RouteSocket;

  /** @param host a socket in the host's namespace; stays the caller's to close */
  constructor(host: RouteSocket) {
    this.#host = host;
  }

  /** Where a link of the host is that was moved into a sandbox. */
  moved(
    snapshot: LinkSnapshot,
    { hardwareAddress }: { readonly hardwareAddress?: string | undefined },
    sandbox: SandboxOfDevice,
  ): DevicePlace {
    using own = NetworkNamespace.own();
    using namespace = openUnlessGone(sandbox.networkNamespacePath);
    if (namespace !== undefined) {
      using pod = RouteSocket.open({ namespace });
      const clues = { hardwareAddress, hostNamespaceId: () => pod.namespaceId(own) };
      const link =
        findInPod(pod, snapshot, clues) ?? findByIndex(pod, this.#host, snapshot, sandbox.linkIndex);
      if (link !== undefined) return 'pod';
    }
    return findOnHost(this.#host, snapshot) === undefined ? 'nowhere' : 'host';
  }

  /**
   * Whether a link is in a sandbox that is created there, which could be done again. The pod may have given it another name and another
   * hardware address, not both where its index is not known.
   */
  async created(
    kind: string,
    setup: { readonly name: string; readonly hardwareAddress: string },
    sandbox: SandboxOfDevice,
  ): Promise<DevicePlace> {
    using namespace = openUnlessGone(sandbox.networkNamespacePath);
    if (namespace === undefined) return 'nowhere';
    using pod = RouteSocket.open({ namespace });
    const isIt = (link: Link) =>
      link.kind === kind &&
      (link.name === setup.name ||
        link.address === setup.hardwareAddress ||
        link.index === sandbox.linkIndex);
    return (await pod.linksAsync()).some(isIt) ? 'pod' : 'host';
  }
}
