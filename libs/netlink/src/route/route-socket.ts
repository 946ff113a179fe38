import { closeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { BatchReplies } from '../socket/batch-replies.ts';
import { DumpReplies } from '../socket/dump-replies.ts';
import { receiveReplies, receiveRepliesAsync, type Replies } from '../socket/exchange.ts';
import { NetlinkError } from '../socket/netlink-error.ts';
import { NetlinkSocket } from '../socket/netlink-socket.ts';
import { type NetlinkRequest, storeBatch, writeBatch } from '../socket/request-batch.ts';
import type { RequestTemplate } from '../socket/request-template.ts';
import { SocketPool } from '../socket/socket-pool.ts';
import type { AddressFamily } from '../wire/ip-address.ts';
import type { MessageReader } from '../wire/message-reader.ts';
import type { ReferencedNamespace } from '../wire/message-writer.ts';
import type { Address, AddressFilter } from './address/address.ts';
import { addressDump } from './address/address-dump.ts';
import type { Link, LinkSelector } from './link/link.ts';
import { completeLink } from './link/complete-link.ts';
import { LinkCreation } from './link/link-creation.ts';
import { decodeLink } from './link/link-decoder.ts';
import { linkDump, linkGet } from './link/link-get.ts';
import type { Ipv4Configuration } from './link/ipv4-configuration.ts';
import { decodeIpv4Configuration } from './link/ipv4-configuration-decoder.ts';
import type { LinkSpec } from './link/link-spec.ts';
import { decodeNamespaceId } from './namespace-id/namespace-id-decoder.ts';
import { namespaceIdAssign, namespaceIdGet } from './namespace-id/namespace-id-requests.ts';
import type { Neighbour, NeighbourFilter } from './neighbour/neighbour.ts';
import { neighbourDump } from './neighbour/neighbour-dump.ts';
import type { NexthopObject } from './nexthop-object/nexthop-object.ts';
import { nexthopObjectDump } from './nexthop-object/nexthop-object-dump.ts';
import type { RouteDump } from './route-dump.ts';
import type { RouteRequest } from './route-request.ts';
import type { Route, RouteFilter } from './route/route.ts';
import { routeDump } from './route/route-dump.ts';
import type { Rule, RuleFilter } from './rule/rule.ts';
import { ruleDump } from './rule/rule-dump.ts';
import type { Filter } from '../tc/filter.ts';
import { filterDump } from '../tc/filter-requests.ts';

/** Where a {@link RouteSocket} is opened. */
export interface RouteSocketOptions {
  /** Default: the namespace that this thread is in. The socket works on after the namespace object is closed. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
}

/** Given each message that answers a request other than by acknowledging it. */
type OnReply = (message: MessageReader) => void;

/** `NETLINK_ROUTE` (linux/netlink.h). */
const protocol = 0;
/** Errors and echoes of one batch wait here until the batch is done; the memory is taken only when it is needed. */
const receiveBuffer = 4 * 1024 * 1024;
/** How often a dump is repeated because the kernel's state changed under it: at once, and by who can wait, after a growing pause. */
const dumpAttempts = 10;
const patientDumpAttempts = 40;
const longestDumpPauseMs = 20;
const eintr = 4;

/**
 * Speaks rtnetlink in one network namespace. Everything is done on this thread at once, except where a method's name ends in `Async`: those
 * may overlap with each other and with everything else, in any order.
 */
export class RouteSocket {
  readonly #socket: NetlinkSocket;
  readonly #pool: SocketPool;
  #sequence = 0;

  private constructor(socket: NetlinkSocket) {
    this.#socket = socket;
    this.#pool = new SocketPool(socket);
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
    if (requests.length > 0) this.#execute(requests);
  }

  /**
   * As {@link execute} for requests that were written before.
   *
   * @param number what they leave open
   */
  executeTemplate(template: RequestTemplate, number: number, onReply?: OnReply): void {
    const first = this.#takeSequence(template.requests.length);
    const replies = new BatchReplies(template.requests, first, onReply);
    const bytes = template.fill(first, number);
    this.#socket.send(bytes, bytes.length);
    receiveReplies(this.#socket, replies);
    replies.check();
  }

  /**
   * As {@link execute}, with the send on a thread of libuv's pool: for what waits inside the kernel, such as moving a link to another
   * namespace (16 ms) and deleting one. Namespaces that the requests name may be closed at once.
   */
  async executeAsync(...requests: readonly RouteRequest[]): Promise<void> {
    if (requests.length > 0) await this.#executeAsync(requests);
  }

  /**
   * As {@link executeAsync} for requests of which each may fail for itself.
   *
   * @returns the failures, in the order of the requests; `messageIndex` says which one it was
   * @throws RequestInvalidError when one cannot be written, before any is sent
   */
  async attemptAsync(...requests: readonly RouteRequest[]): Promise<readonly NetlinkError[]> {
    return requests.length > 0 ? await this.#attemptAsync(requests) : [];
  }

  /**
   * Creates a link and returns it as it is then. For veth, `parent` is the far end's index, in its own namespace.
   *
   * @param there a socket in the namespace that the link is created in, if it is another; without it one is opened for the moment
   * @throws NetlinkError when the kernel refuses it (EEXIST: the name is taken; EOPNOTSUPP: it does not know the kind)
   */
  createLink(spec: LinkSpec, there?: Pick<RouteSocket, 'link' | 'execute'>): Link {
    const creation = new LinkCreation(spec);
    this.#execute([creation.request], creation.onReply);
    const { namespace } = spec;
    if (namespace === undefined) return completeLink(this, creation);
    if (there !== undefined) return completeLink(there, creation);
    using socket = RouteSocket.open({ namespace });
    return completeLink(socket, creation);
  }

  /** Index of the link with this name or altname; undefined when there is none. The quickest question that there is. */
  linkIndex(name: string): number | undefined {
    return this.#socket.linkIndex(name);
  }

  /** As {@link createLink}, on a thread of libuv's pool. */
  async createLinkAsync(spec: LinkSpec): Promise<Link> {
    const creation = new LinkCreation(spec);
    const held = spec.namespace?.hold();
    try {
      await this.#executeAsync([creation.request], creation.onReply);
      if (held === undefined) return completeLink(this, creation);
      using socket = RouteSocket.open({ namespace: held });
      return completeLink(socket, creation);
    } finally {
      held?.release();
    }
  }

  /** Returns a link; undefined when there is none. */
  link(selector: LinkSelector): Link | undefined {
    const link = this.#get(selector, decodeLink);
    return link !== undefined && matches(link, selector) ? link : undefined;
  }

  /** As {@link link}, on a thread of libuv's pool: reading waits while another thread moves a link. */
  async linkAsync(selector: LinkSelector): Promise<Link | undefined> {
    let link: Link | undefined;
    const found = this.#executeAsync([linkGet(selector)], (message) => {
      link = decodeLink(message);
    });
    await found.catch(ignoreMissing);
    return link !== undefined && matches(link, selector) ? link : undefined;
  }

  /** The IPv4 settings of a link; undefined when there is no such link. */
  ipv4Configuration(linkIndex: number): Ipv4Configuration | undefined {
    return this.#get({ index: linkIndex }, decodeIpv4Configuration);
  }

  /** All links of the namespace. */
  links(): Link[] {
    return this.#dump(linkDump());
  }

  /** As {@link links}, on threads of libuv's pool. */
  linksAsync(): Promise<Link[]> {
    return this.#dumpAsync(linkDump());
  }

  /** Addresses of all links, or of those that the filter names; none when there is no such link. */
  addresses(filter: AddressFilter = {}): Address[] {
    return this.#dump(addressDump(filter));
  }

  /** As {@link addresses}, on threads of libuv's pool. */
  addressesAsync(filter: AddressFilter = {}): Promise<Address[]> {
    return this.#dumpAsync(addressDump(filter));
  }

  /** Routes of all tables, IPv4 before IPv6, or those that the filter names. */
  routes(filter: RouteFilter = {}): Route[] {
    return families(filter).flatMap((family) => this.#dump(routeDump({ ...filter, family })));
  }

  /** As {@link routes}, on threads of libuv's pool: older kernels wait for a lock, which moving a link holds for some 16 ms. */
  async routesAsync(filter: RouteFilter = {}): Promise<Route[]> {
    const dumps = families(filter).map((family) => this.#dumpAsync(routeDump({ ...filter, family })));
    return (await Promise.all(dumps)).flat();
  }

  /** Rules in the order in which they are tried, IPv4 before IPv6. */
  rules(filter: RuleFilter = {}): Rule[] {
    return families(filter).flatMap((family) => this.#dump(ruleDump({ family })));
  }

  /** Neighbours of all links, IPv4 before IPv6, or those that the filter names. */
  neighbours(filter: NeighbourFilter = {}): Neighbour[] {
    return families(filter).flatMap((family) => this.#dump(neighbourDump({ ...filter, family })));
  }

  /** All next-hop objects. */
  nexthopObjects(): NexthopObject[] {
    return this.#dump(nexthopObjectDump());
  }

  /** Traffic control filters of a link: those of its root qdisc, and those of clsact for what comes in and what goes out. */
  filters(linkIndex: number): Filter[] {
    return (['root', 'ingress', 'egress'] as const).flatMap((parent) =>
      this.#dump(filterDump(linkIndex, parent)),
    );
  }

  /**
   * The number by which this socket's namespace knows another one, or itself (`RTM_GETNSID`). It stays the same as long as both live, does not
   * keep the other one alive, and is given to a new namespace once that one has died.
   *
   * @param namespace default: the socket's own, which seldom has one
   * @returns undefined when it has none
   * @throws NetlinkError with code EINVAL when the descriptor is no network namespace's
   */
  namespaceId(namespace?: Pick<ReferencedNamespace, 'fd'>): number | undefined {
    const fd = namespace?.fd ?? this.#socket.openNamespace();
    try {
      let id: number | undefined;
      this.#execute([namespaceIdGet(fd)], (message) => {
        id = decodeNamespaceId(message);
      });
      return id;
    } finally {
      if (namespace === undefined) closeSync(fd);
    }
  }

  /**
   * Gives another namespace a number here (`RTM_NEWNSID`), the lowest that is free, unless it has one.
   *
   * @returns its number
   * @throws NetlinkError as {@link namespaceId}
   */
  assignNamespaceId(namespace: Pick<ReferencedNamespace, 'fd'>): number {
    const present = this.namespaceId(namespace);
    if (present !== undefined) return present;
    try {
      this.#execute([namespaceIdAssign(namespace.fd)]);
    } catch (error) {
      // The kernel gives numbers by itself, for instance when a link is moved there.
      if (!(error instanceof NetlinkError && error.code === 'EEXIST')) throw error;
    }
    const assigned = this.namespaceId(namespace);
    if (assigned === undefined) throw new NetlinkError('netns id set', enodev, 'it has none nevertheless');
    return assigned;
  }

  /** Repeatable. Asynchronous requests that have begun are finished, those that wait for their turn are rejected. */
  close(): void {
    this.#pool.close();
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #execute(requests: readonly RouteRequest[], onReply?: OnReply): void {
    const first = this.#takeSequence(requests.length);
    const replies = new BatchReplies(requests, first, onReply);
    this.#exchange(requests, first, replies);
    replies.check();
  }

  async #executeAsync(requests: readonly RouteRequest[], onReply?: OnReply): Promise<void> {
    const [error] = await this.#attemptAsync(requests, onReply);
    if (error !== undefined) throw error;
  }

  async #attemptAsync(
    requests: readonly RouteRequest[],
    onReply?: OnReply,
  ): Promise<readonly NetlinkError[]> {
    const first = this.#takeSequence(requests.length);
    const replies = new BatchReplies(requests, first, onReply);
    const batch = storeBatch(requests, first);
    try {
      await this.#pool.use(async (socket) => {
        await socket.sendAsync(batch.bytes);
        // The answers were in the socket when the send returned.
        receiveReplies(socket, replies);
      });
    } finally {
      batch.release();
    }
    return replies.errors;
  }

  #exchange(requests: readonly NetlinkRequest[], first: number, replies: Replies): void {
    const { buffer, length } = writeBatch(requests, first);
    this.#socket.send(buffer, length);
    receiveReplies(this.#socket, replies);
  }

  /** Returns the first of as many sequence numbers as are needed. */
  #takeSequence(count: number): number {
    const first = this.#sequence;
    this.#sequence = (first + count) | 0;
    return first;
  }

  #get<T>(selector: LinkSelector, decode: (message: MessageReader) => T): T | undefined {
    let object: T | undefined;
    try {
      this.#execute([linkGet(selector)], (message) => {
        object = decode(message);
      });
    } catch (error) {
      ignoreMissing(error);
    }
    return object;
  }

  #dump<T>(dump: RouteDump<T>): T[] {
    for (let attempt = 0; attempt < dumpAttempts; attempt++) {
      const { replies, sequence } = this.#startDump(dump);
      try {
        this.#exchange([dump], sequence, replies);
      } catch (error) {
        ignoreMissing(error);
        return [];
      }
      if (!replies.interrupted) return replies.objects;
    }
    throw interrupted(dump.operation, dumpAttempts);
  }

  async #dumpAsync<T>(dump: RouteDump<T>): Promise<T[]> {
    return this.#pool.use(async (socket) => {
      for (let attempt = 0; attempt < patientDumpAttempts; attempt++) {
        // Links that are moved one after another leave gaps.
        if (attempt > 2) await pause(Math.min(attempt, longestDumpPauseMs));
        const { replies, sequence } = this.#startDump(dump);
        try {
          await socket.sendAsync(storeBatch([dump], sequence).bytes);
          await receiveRepliesAsync(socket, replies);
        } catch (error) {
          ignoreMissing(error);
          return [];
        }
        if (!replies.interrupted) return replies.objects;
      }
      throw interrupted(dump.operation, patientDumpAttempts);
    });
  }

  #startDump<T>(dump: RouteDump<T>): { readonly replies: DumpReplies<T>; readonly sequence: number } {
    const sequence = this.#takeSequence(1);
    return { replies: new DumpReplies(dump.operation, sequence, dump.decode), sequence };
  }
}

const enodev = 19;

function families(filter: { readonly family?: AddressFamily }): readonly AddressFamily[] {
  return filter.family === undefined ? [4, 6] : [filter.family];
}

/** The kernel finds links by altname where it is asked for a name. */
function matches(link: Link, selector: LinkSelector): boolean {
  if ('name' in selector) return link.name === selector.name;
  return 'index' in selector ? link.index === selector.index : link.altnames.includes(selector.altname);
}

function ignoreMissing(error: unknown): void {
  const isMissing = error instanceof NetlinkError && (error.code === 'ENODEV' || error.code === 'ENOENT');
  if (!isMissing) throw error;
}

function interrupted(operation: string, attempts: number): NetlinkError {
  return new NetlinkError(operation, eintr, `the objects changed during each of ${attempts} attempts`);
}
