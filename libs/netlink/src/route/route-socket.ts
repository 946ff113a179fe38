import { BatchReplies } from '../socket/batch-replies.ts';
import { ChannelPool } from '../socket/channel-pool.ts';
import { DumpReplies } from '../socket/dump-replies.ts';
import { NetlinkError } from '../socket/netlink-error.ts';
import { NetlinkSocket } from '../socket/netlink-socket.ts';
import { RequestChannel } from '../socket/request-channel.ts';
import type { AddressFamily } from '../wire/ip-address.ts';
import { messageFlags } from '../wire/message-header.ts';
import type { MessageReader } from '../wire/message-reader.ts';
import { MessageWriter, type ReferencedNamespace } from '../wire/message-writer.ts';
import { RequestInvalidError } from '../wire/request-invalid-error.ts';
import type { Address, AddressFilter } from './address/address.ts';
import { addressDump } from './address/address-dump.ts';
import type { Link, LinkSelector } from './link/link.ts';
import { linkAdd } from './link/link-create.ts';
import { decodeLink } from './link/link-decoder.ts';
import { linkDump, linkGet } from './link/link-get.ts';
import type { Ipv4Configuration } from './link/ipv4-configuration.ts';
import { decodeIpv4Configuration } from './link/ipv4-configuration-decoder.ts';
import { linkMessages } from './link/link-attributes.ts';
import type { LinkSpec } from './link/link-spec.ts';
import type { Neighbour, NeighbourFilter } from './neighbour/neighbour.ts';
import { neighbourDump } from './neighbour/neighbour-dump.ts';
import type { RouteDump } from './route-dump.ts';
import type { RouteRequest } from './route-request.ts';
import type { Route, RouteFilter } from './route/route.ts';
import { routeDump } from './route/route-dump.ts';
import type { Rule, RuleFilter } from './rule/rule.ts';
import { ruleDump } from './rule/rule-dump.ts';

/** Where a {@link RouteSocket} is opened. */
export interface RouteSocketOptions {
  /** Default: the namespace that this thread is in. The socket works on after the namespace object is closed. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
}

/** `NETLINK_ROUTE` (linux/netlink.h). */
const protocol = 0;
/** Errors and echoes of one batch wait here until the batch is done; the memory is taken only when it is needed. */
const receiveBuffer = 4 * 1024 * 1024;
/** How often a dump is repeated because the kernel's state changed under it. */
const dumpAttempts = 10;
const eintr = 4;

/** Synchronous requests never overlap, so all sockets write into the same memory. */
const sharedWriter = new MessageWriter(16 * 1024);

/**
 * Speaks rtnetlink in one network namespace. Everything is done on this thread at once, except where a method's name ends in `Async`: those
 * may overlap with each other and with everything else, in any order.
 */
export class RouteSocket {
  readonly #channel: RequestChannel;
  readonly #pool: ChannelPool;

  private constructor(socket: NetlinkSocket) {
    this.#channel = new RequestChannel(socket, sharedWriter);
    this.#pool = new ChannelPool(socket);
  }

  /** @throws SystemCallError when the namespace cannot be entered or the kernel refuses the socket */
  static open({ namespace }: RouteSocketOptions = {}): RouteSocket {
    return new RouteSocket(
      NetlinkSocket.open({
        protocol,
        receiveBuffer,
        requests: true,
        ...(namespace === undefined ? {} : { namespace }),
      }),
    );
  }

  /**
   * Carries requests out in their order, in one send. A failure does not stop those after it: whoever needs all or nothing undoes the rest.
   *
   * @throws NetlinkError of the first failure, after all have been tried; RequestInvalidError when one cannot be written, before any is sent
   */
  execute(...requests: readonly RouteRequest[]): void {
    if (requests.length === 0) return;
    const replies = new BatchReplies(requests, this.#channel.prepare(requests));
    this.#channel.exchange(replies);
    replies.check();
  }

  /**
   * As {@link execute}, with the send on a thread of libuv's pool: for what waits inside the kernel, such as moving a link to another
   * namespace (16 ms) and deleting one. Namespaces that the requests name may be closed at once.
   */
  async executeAsync(...requests: readonly RouteRequest[]): Promise<void> {
    if (requests.length === 0) return;
    await this.#pool.use(async (channel) => {
      const replies = new BatchReplies(requests, channel.prepare(requests));
      await channel.exchangeAsync(replies);
      replies.check();
    });
  }

  /**
   * Creates a link and returns it as it is then. For veth, `parent` is the far end's index, in its own namespace.
   *
   * @throws NetlinkError when the kernel refuses it (EEXIST: the name is taken; EOPNOTSUPP: it does not know the kind)
   */
  createLink(spec: LinkSpec): Link {
    const creation = new LinkCreation(spec);
    const replies = new BatchReplies(
      [creation.request],
      this.#channel.prepare([creation.request]),
      creation.onReply,
    );
    this.#channel.exchange(replies);
    replies.check();
    return creation.link ?? this.#findCreated(spec);
  }

  /** As {@link createLink}, on a thread of libuv's pool. */
  async createLinkAsync(spec: LinkSpec): Promise<Link> {
    const creation = new LinkCreation(spec);
    const release = spec.namespace?.hold();
    try {
      await this.#pool.use(async (channel) => {
        const first = channel.prepare([creation.request]);
        const replies = new BatchReplies([creation.request], first, creation.onReply);
        await channel.exchangeAsync(replies);
        replies.check();
      });
      return creation.link ?? this.#findCreated(spec);
    } finally {
      release?.();
    }
  }

  /** Returns a link; undefined when there is none. */
  link(selector: LinkSelector): Link | undefined {
    return this.#get(selector, decodeLink, (link) => matches(link, selector));
  }

  /** As {@link link}, on a thread of libuv's pool: reading waits while another thread moves a link. */
  async linkAsync(selector: LinkSelector): Promise<Link | undefined> {
    const request = linkGet(selector);
    const links: Link[] = [];
    try {
      await this.#pool.use(async (channel) => {
        const onReply = (message: MessageReader) => void links.push(decodeLink(message));
        const replies = new BatchReplies([request], channel.prepare([request]), onReply);
        await channel.exchangeAsync(replies);
        replies.check();
      });
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return links.find((link) => matches(link, selector));
  }

  /** The IPv4 settings of a link; undefined when there is no such link. */
  ipv4Configuration(linkIndex: number): Ipv4Configuration | undefined {
    return this.#get({ index: linkIndex }, decodeIpv4Configuration, () => true);
  }

  /** All links of the namespace. */
  links(): Link[] {
    return this.#dump(linkDump());
  }

  /** As {@link links}, on threads of libuv's pool. */
  async linksAsync(): Promise<Link[]> {
    const dump = linkDump();
    return this.#pool.use(async (channel) => {
      for (let attempt = 0; attempt < dumpAttempts; attempt++) {
        const replies = new DumpReplies(dump.operation, channel.prepare([dump]), dump.decode);
        await channel.dumpAsync(replies);
        if (!replies.interrupted) return replies.objects;
      }
      throw interrupted(dump.operation);
    });
  }

  /** Addresses of all links, or of those that the filter names; none when there is no such link. */
  addresses(filter: AddressFilter = {}): Address[] {
    return this.#dump(addressDump(filter));
  }

  /** Routes of all tables, IPv4 before IPv6, or those that the filter names. */
  routes(filter: RouteFilter = {}): Route[] {
    return families(filter).flatMap((family) => this.#dump(routeDump({ ...filter, family })));
  }

  /** Rules in the order in which they are tried, IPv4 before IPv6. */
  rules(filter: RuleFilter = {}): Rule[] {
    return families(filter).flatMap((family) => this.#dump(ruleDump({ family })));
  }

  /** Neighbours of all links, IPv4 before IPv6, or those that the filter names. */
  neighbours(filter: NeighbourFilter = {}): Neighbour[] {
    return families(filter).flatMap((family) => this.#dump(neighbourDump({ ...filter, family })));
  }

  /** Repeatable. Asynchronous requests that have begun are finished, those that wait for their turn are rejected. */
  close(): void {
    this.#pool.close();
    this.#channel.socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #get<T>(
    selector: LinkSelector,
    decode: (message: MessageReader) => T,
    accept: (object: T) => boolean,
  ): T | undefined {
    const request = linkGet(selector);
    let object: T | undefined;
    const replies = new BatchReplies([request], this.#channel.prepare([request]), (message) => {
      object = decode(message);
    });
    this.#channel.exchange(replies);
    try {
      replies.check();
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    return object !== undefined && accept(object) ? object : undefined;
  }

  #dump<T>(dump: RouteDump<T>): T[] {
    for (let attempt = 0; attempt < dumpAttempts; attempt++) {
      const replies = new DumpReplies(dump.operation, this.#channel.prepare([dump]), dump.decode);
      try {
        this.#channel.exchange(replies);
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
      if (!replies.interrupted) return replies.objects;
    }
    throw interrupted(dump.operation);
  }

  /** What the kernel did not echo: links in other namespaces, and all links before Linux 6.2. */
  #findCreated({ name, namespace, index }: LinkSpec): Link {
    const selector = name !== undefined ? { name } : index !== undefined ? { index } : undefined;
    let link: Link | undefined;
    if (selector !== undefined && namespace === undefined) link = this.link(selector);
    else if (selector !== undefined && namespace !== undefined) {
      using socket = RouteSocket.open({ namespace });
      link = socket.link(selector);
    }
    if (link === undefined) {
      const reason =
        name === undefined
          ? 'give it a name: kernels before 6.2 do not tell which one they chose'
          : 'it is gone';
      throw new NetlinkError('link add', enodev, `the link was created and cannot be found: ${reason}`);
    }
    return link;
  }
}

const enodev = 19;

/** The creation of one link, which the kernel answers with the link itself. */
class LinkCreation {
  readonly request: RouteRequest;
  link: Link | undefined;

  constructor(spec: LinkSpec) {
    if (spec.namespace !== undefined && spec.name === undefined) {
      throw new RequestInvalidError('name', spec.name, 'given when a link is created in another namespace');
    }
    const request = linkAdd(spec);
    this.request = { ...request, flags: request.flags | messageFlags.echo };
  }

  readonly onReply = (message: MessageReader): void => {
    if (message.type === linkMessages.new) this.link = decodeLink(message);
  };
}

function families(filter: { readonly family?: AddressFamily }): readonly AddressFamily[] {
  return filter.family === undefined ? ['ipv4', 'ipv6'] : [filter.family];
}

/** The kernel finds links by altname where it is asked for a name. */
function matches(link: Link, selector: LinkSelector): boolean {
  if ('name' in selector) return link.name === selector.name;
  return 'index' in selector ? link.index === selector.index : link.altnames.includes(selector.altname);
}

function isMissing(error: unknown): boolean {
  return error instanceof NetlinkError && (error.code === 'ENODEV' || error.code === 'ENOENT');
}

function interrupted(operation: string): NetlinkError {
  return new NetlinkError(operation, eintr, `the objects changed during each of ${dumpAttempts} attempts`);
}
