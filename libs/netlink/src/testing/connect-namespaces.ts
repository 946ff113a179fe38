import type { NetworkNamespace } from '../namespace/network-namespace.ts';
import { addressAdd } from '../route/address/address-requests.ts';
import { addressFlags } from '../route/address/address.ts';
import type { Link } from '../route/link/link.ts';
import { linkSet } from '../route/link/link-requests.ts';
import { RouteSocket } from '../route/route-socket.ts';

/** One end of a {@link connectNamespaces} pair. */
export interface ConnectedLink {
  readonly namespace: NetworkNamespace;
  /** Name of the link there. */
  readonly name: string;
  /** Given to it, without waiting for duplicate address detection. */
  readonly addresses?: readonly string[];
}

/** Connects two namespaces with a veth pair that is up at both ends. Returns the links in the order of the arguments. */
export function connectNamespaces(left: ConnectedLink, right: ConnectedLink): readonly [Link, Link] {
  using leftSocket = RouteSocket.open({ namespace: left.namespace });
  using rightSocket = RouteSocket.open({ namespace: right.namespace });
  const created = leftSocket.createLink({
    name: left.name,
    kind: { kind: 'veth', peer: { name: right.name, namespace: right.namespace } },
  });
  const peer = rightSocket.link({ name: right.name });
  if (peer === undefined) throw new Error(`the veth pair's end ${right.name} is gone`);
  bringUp(leftSocket, created, left);
  bringUp(rightSocket, peer, right);
  return [leftSocket.link({ name: left.name }) ?? created, rightSocket.link({ name: right.name }) ?? peer];
}

function bringUp(socket: RouteSocket, { index }: Link, { addresses = [] }: ConnectedLink): void {
  const add = (address: string) =>
    addressAdd({
      linkIndex: index,
      address,
      ...(address.includes(':') ? { flags: addressFlags.nodad } : {}),
    });
  socket.execute(linkSet(index, { up: true }), ...addresses.map(add));
}
