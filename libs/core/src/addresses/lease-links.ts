import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { DhcpError, type Dhcpv4Link, type Dhcpv6Link, type PacketLink } from '@patchbay/dhcp';
import {
  addressAdd,
  addressFlags,
  type Link,
  linkDelete,
  linkSet,
  NetlinkError,
  NetworkNamespace,
  RouteSocket,
} from '@patchbay/netlink';
import { KeyedMutex } from '../attachments/keyed-mutex.ts';
import { DeviceNotFoundError } from '../errors/driver-errors.ts';
import type { BorrowedLinks } from './borrowed-links.ts';
import type { HostLinkReference, LeasePath } from './lease-record.ts';

/** A link to ask DHCP servers on. */
export type LeaseLink = Dhcpv4Link & Dhcpv6Link;

/** The namespace of links that exist for a moment. */
interface Aside {
  readonly namespace: NetworkNamespace;
  readonly socket: RouteSocket;
}

/** How long a link that has just come up may look for its carrier, and how often is looked, in milliseconds. */
const carrierPatienceMs = 5_000;
const carrierPauseMs = 5;
const joiningMs = 30;
/** Of links that exist for a moment; hardly anybody else's, and not the pattern of links that pods have. */
const temporaryPrefix = 'pblease';

/**
 * Links on which the network of a pod's interface can be asked for leases while the interface is not there. Where the pod's link is created
 * in the pod, one like it, with the same hardware address, is created for a moment in a namespace of the driver's own: nothing of the host
 * sees it, and the kernel removes it with the driver's process, however that ends.
 */
export class LeaseLinks implements Disposable {
  readonly #host: RouteSocket;
  readonly #borrowed: BorrowedLinks;
  readonly #libraries: PacketLink['libraries'];
  readonly #openSocket: (namespace: NetworkNamespace) => RouteSocket;
  readonly #mutex = new KeyedMutex();
  #aside: Aside | undefined;

  /** @param openSocket opens a socket in the driver's own namespace for such links */
  constructor(
    host: RouteSocket,
    borrowed: BorrowedLinks,
    libraries: PacketLink['libraries'],
    openSocket = (namespace: NetworkNamespace) => RouteSocket.open({ namespace }),
  ) {
    this.#host = host;
    this.#borrowed = borrowed;
    this.#libraries = libraries;
    this.#openSocket = openSocket;
  }

  /**
   * Does work with a link of a path.
   *
   * @param hardwareAddress of the interface that leases are for
   * @throws DeviceNotFoundError when the path's link is not on the host; DhcpError when IPv6 is asked for where the link has none
   */
  async use<T>(
    path: LeasePath,
    hardwareAddress: string,
    ipv6: boolean,
    work: (link: LeaseLink) => Promise<T>,
  ): Promise<T> {
    // Neither can a parent have two links with one address, nor a link be up for one and down for another.
    const key = path.kind === 'host-link' ? path.link.name : hardwareAddress;
    return this.#mutex.run(key, () =>
      path.kind === 'host-link'
        ? this.#useHostLink(path.link, ipv6, work)
        : this.#useTemporary(path, hardwareAddress, ipv6, work),
    );
  }

  async #useHostLink<T>(
    reference: HostLinkReference,
    ipv6: boolean,
    work: (link: LeaseLink) => Promise<T>,
  ): Promise<T> {
    const link = this.#find(reference);
    if (link.up) return work(this.#hostLink(link, ipv6 ? linkLocalOf(this.#host, link) : ''));
    return this.#borrowed.while(link, async () => {
      // Its own would be tentative for a second or two. It goes with all others when the link is down again.
      const linkLocal = ipv6 ? addLinkLocal(this.#host, link) : '';
      await isReady(this.#host, link.index, ipv6);
      return work(this.#hostLink(link, linkLocal));
    });
  }

  /** A link in a pod, where the leases' addresses are. */
  inPod(namespace: NetworkNamespace, socket: RouteSocket, link: Link, ipv6: boolean): LeaseLink {
    return {
      ...this.#hostLink(link, ipv6 ? linkLocalOf(socket, link) : ''),
      namespace,
    };
  }

  [Symbol.dispose](): void {
    this.#aside?.socket.close();
    this.#aside?.namespace.close();
    this.#aside = undefined;
  }

  async #useTemporary<T>(
    path: Exclude<LeasePath, { readonly kind: 'host-link' }>,
    hardwareAddress: string,
    ipv6: boolean,
    work: (link: LeaseLink) => Promise<T>,
  ): Promise<T> {
    const { namespace, socket } = (this.#aside ??= this.#openAside());
    const link = this.#create(path, hardwareAddress, namespace, socket);
    try {
      socket.execute(linkSet(link.index, { up: true }));
      const linkLocalAddress = ipv6 ? addLinkLocal(socket, link) : '';
      await isReady(socket, link.index, ipv6);
      const shown = path.kind === 'parent' ? path.parent.name : path.bridge.name;
      return await work({
        ...this.#hostLink(link, linkLocalAddress),
        ...{ namespace, name: shown },
      });
    } finally {
      // The pod's link will have the same hardware address, and a parent takes it only once.
      await socket.executeAsync(linkDelete({ index: link.index }));
    }
  }

  #create(
    path: Exclude<LeasePath, { readonly kind: 'host-link' }>,
    address: string,
    namespace: NetworkNamespace,
    socket: RouteSocket,
  ): Link {
    const name = `${temporaryPrefix}${randomBytes(3).toString('hex')}`;
    if (path.kind === 'parent') {
      const parent = this.#find(path.parent).index;
      const created = this.#host.createLink({ name, kind: path.data, namespace, parent, address });
      return { ...created, address };
    }
    const master = this.#find(path.bridge).index;
    this.#host.createLink({
      ...{ name, master, up: true },
      kind: { kind: 'veth', peer: { name, address, namespace } },
    });
    const end = socket.link({ name });
    if (end === undefined) throw new DeviceNotFoundError(name, 'it vanished while it was created');
    return end;
  }

  #openAside(): Aside {
    const namespace = NetworkNamespace.create();
    return { namespace, socket: this.#openSocket(namespace) };
  }

  #find({ name, index }: HostLinkReference): Link {
    const indexed = this.#host.link({ index });
    const link = indexed?.name === name ? indexed : (this.#host.link({ name }) ?? indexed);
    if (link === undefined) {
      throw new DeviceNotFoundError(name, 'its link is not on the host any more');
    }
    return link;
  }

  #hostLink(link: Link, linkLocalAddress: string): LeaseLink {
    return {
      libraries: this.#libraries,
      linkIndex: link.index,
      name: link.name,
      hardwareAddress: link.address ?? '',
      linkLocalAddress,
    };
  }
}

/**
 * Waits until a link that has just come up can send and be asked for: until then the kernel drops what it is given (`noop_qdisc`), and joins
 * the group that neighbours ask for its IPv6 address in some other time (`addrconf_dad_work`).
 */
async function isReady(socket: RouteSocket, index: number, ipv6: boolean): Promise<void> {
  for (let waited = 0; waited < carrierPatienceMs; waited += carrierPauseMs) {
    if (socket.link({ index })?.operState !== 'down') break;
    await pause(carrierPauseMs);
  }
  if (ipv6) await pause(joiningMs);
}

/** The link-local address that a link of a namespace answers for. */
function linkLocalOf(socket: RouteSocket, { index, name }: Link): string {
  const usable = socket
    .addresses({ linkIndex: index, family: 6 })
    .find(
      ({ scope, flags }) =>
        scope === 'link' && (flags & (addressFlags.tentative | addressFlags.dadfailed)) === 0,
    );
  if (usable !== undefined) return withoutLength(usable.address);
  throw new DhcpError(
    'no-source',
    `link ${name} has no usable IPv6 link-local address to ask from; switch IPv6 on for it (net.ipv6.conf.${name}.disable_ipv6=0)`,
  );
}

/**
 * Gives a link that is used for a moment a link-local address at once, without asking whether anybody has such a one: it is made of the
 * hardware address, in another way than hosts make theirs (RFC 4291, RFC 7217). The next time a server may still know it.
 */
function addLinkLocal(socket: RouteSocket, { index, name, address: hardwareAddress = '' }: Link): string {
  const interfaceId = createHash('sha256').update(hardwareAddress).digest();
  const groups = [0, 2, 4, 6].map((offset) => interfaceId.readUInt16BE(offset).toString(16));
  const address = `fe80::${groups.join(':')}`;
  try {
    socket.execute(addressAdd({ linkIndex: index, address: `${address}/64`, flags: addressFlags.nodad }));
  } catch (error) {
    if (!(error instanceof NetlinkError)) throw error;
    throw new DhcpError(
      'no-source',
      `link ${name} takes no IPv6 address to ask from (${error.code}); switch IPv6 on for it (net.ipv6.conf.${name}.disable_ipv6=0)`,
    );
  }
  return address;
}

function withoutLength(address: string): string {
  return address.slice(0, address.indexOf('/'));
}
