import {
  type Link,
  namespaceIdentity,
  type NamespaceIdentity,
  type NamespaceLinkEvent,
  NamespaceLinkMonitor,
  NetworkNamespace,
  RouteSocket,
} from '@patchbay/netlink';
import { describeError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import { type FollowedLink, FollowedLinks, type PodLinkPlace } from './followed-links.ts';
import { openUnlessGone } from './open-unless-gone.ts';
import { type PodLinkState, podLinkState, samePodLinkState } from './pod-link-state.ts';

/** Hears how the links of pods fare. */
export type PodLinkListener = (key: string, state: PodLinkState) => void;

/** Gives the namespaces of pods numbers on the host; a `RouteSocket` there does. */
export type NamespaceNumbers = Pick<RouteSocket, 'assignNamespaceId'>;

/** After this long a link is read again that could not be read, in ms. */
const retryDelay = 1000;

/**
 * Follows links in pods by one socket on the host, so that nothing of the driver keeps a pod's namespace alive, nor a device that would come
 * back to the host when it dies. A namespace is entered only for the moment that it takes to read a link: when it is first followed, and when
 * events were lost.
 *
 * Namespaces are heard by the numbers that they have on the host. A number is given to another namespace as soon as the first has died, so
 * whatever speaks of one is checked against the namespace's inode.
 */
export class PodLinkWatch {
  readonly #host: NamespaceNumbers;
  readonly #logger: Logger;
  readonly #own: NamespaceIdentity;
  readonly #monitor: NamespaceLinkMonitor;
  readonly #listeners = new Set<PodLinkListener>();
  readonly #byKey = new Map<string, FollowedLink>();
  readonly #followed = new FollowedLinks();
  /** Links to be read, one after another: no more than one namespace is entered at a time. */
  readonly #unread = new Set<FollowedLink>();
  #reading = false;

  private constructor(host: NamespaceNumbers, logger: Logger) {
    this.#host = host;
    this.#logger = logger;
    using own = NetworkNamespace.own();
    this.#own = own.identity;
    this.#monitor = NamespaceLinkMonitor.open({
      wants: (linkIndex, namespaceId) => this.#followed.has(namespaceId, linkIndex),
      onEvents: (events) => this.#hear(events),
      onOverflow: () => this.#readAll(),
    });
  }

  /**
   * Starts listening, in the namespace that this thread is in.
   *
   * @param host a socket in that namespace; stays the caller's to close
   * @throws SystemCallError with code EPERM without CAP_NET_BROADCAST, which hearing other namespaces needs
   */
  static open(host: NamespaceNumbers, logger: Logger): PodLinkWatch {
    return new PodLinkWatch(host, logger);
  }

  /**
   * Has a listener called with each state that differs from the last one told: soon after {@link watch}, never from within it, and then
   * within milliseconds of the kernel's own telling. A change that is undone before it is heard is not told.
   *
   * The kernel tells at once that a carrier has come, and that it went if no link of the machine has changed within the last second; else
   * it may wait until that is over (`linkwatch_urgent_event`, net/core/link_watch.c). Links built on others, veth among them, never wait.
   */
  onChange(listener: PodLinkListener): void {
    this.#listeners.add(listener);
  }

  /**
   * Follows a link from now on, instead of what the key stood for before. A namespace that is gone is no error: the link is `gone`, for good.
   * A link that has left a namespace that lives is `gone` until there is one with its index again.
   */
  watch(key: string, { networkNamespacePath, linkIndex }: PodLinkPlace): void {
    this.unwatch(key);
    const link: FollowedLink = {
      key,
      networkNamespacePath,
      linkIndex,
      namespace: undefined,
      state: undefined,
      events: 0,
      ended: false,
    };
    this.#byKey.set(key, link);
    this.#readSoon(link);
  }

  /** Forgets a link; nothing is told of it any more. Repeatable. */
  unwatch(key: string): void {
    const link = this.#byKey.get(key);
    if (link === undefined) return;
    this.#byKey.delete(key);
    this.#followed.delete(link);
    this.#unread.delete(link);
  }

  /** The state that was told last; undefined for what is not followed or has not been read yet. */
  state(key: string): PodLinkState | undefined {
    return this.#byKey.get(key)?.state;
  }

  /** Repeatable. Nothing is told after it returns. */
  close(): void {
    this.#monitor.close();
    for (const key of [...this.#byKey.keys()]) this.unwatch(key);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #hear(events: readonly NamespaceLinkEvent[]): void {
    const states = new Map<FollowedLink, PodLinkState>();
    for (const event of events) {
      if (event.group === 'namespace') {
        if (event.action === 'delete') this.#hearEnd(event.namespaceId, states);
        continue;
      }
      for (const link of this.#followed.in(event.namespaceId)) {
        if (link.linkIndex !== event.link.index) continue;
        link.events++;
        states.set(link, event.action === 'delete' ? { kind: 'gone' } : podLinkState(event.link));
      }
    }
    for (const [link, state] of states) this.#tell(link, state);
  }

  /** The kernel frees a number before it tells so: a namespace that has it since and lives is not meant. */
  #hearEnd(namespaceId: number, states: Map<FollowedLink, PodLinkState>): void {
    for (const link of this.#followed.in(namespaceId)) {
      if (namespaceIdentity(link.networkNamespacePath) === link.namespace?.identity) continue;
      this.#end(link);
      states.set(link, { kind: 'gone' });
    }
  }

  #readAll(): void {
    for (const link of this.#byKey.values()) if (!link.ended) this.#readSoon(link);
  }

  #readSoon(link: FollowedLink): void {
    this.#unread.add(link);
    if (this.#reading) return;
    this.#reading = true;
    setImmediate(() => void this.#readUnread());
  }

  async #readUnread(): Promise<void> {
    try {
      for (const link of this.#unread) {
        this.#unread.delete(link);
        const state = await this.#read(link);
        if (state !== undefined) this.#tell(link, state);
      }
    } finally {
      this.#reading = false;
    }
  }

  /** @returns undefined when it could not be read, or something later is known */
  async #read(link: FollowedLink): Promise<PodLinkState | undefined> {
    try {
      using namespace = this.#enter(link);
      if (namespace === undefined) return { kind: 'gone' };
      const { events } = link;
      const found = await readLink(namespace, link.linkIndex);
      // The event may be older than what was read; whatever came after it is still to be heard.
      if (link.events !== events || link.ended) return undefined;
      return found === undefined ? { kind: 'gone' } : podLinkState(found);
    } catch (error) {
      const { key, networkNamespacePath, linkIndex } = link;
      const fields = { link: key, networkNamespacePath, linkIndex, error: describeError(error) };
      this.#logger.warn(fields, 'a link in a pod could not be read; it will be tried again');
      setTimeout(() => {
        if (this.#isFollowed(link) && !link.ended) this.#readSoon(link);
      }, retryDelay).unref();
      return undefined;
    }
  }

  /** Opens a link's namespace if it is alive, after seeing to it that its events are heard. */
  #enter(link: FollowedLink): NetworkNamespace | undefined {
    const namespace = openUnlessGone(link.networkNamespacePath);
    if (namespace === undefined || (link.namespace ?? namespace).identity !== namespace.identity) {
      namespace?.close();
      this.#end(link);
      return undefined;
    }
    try {
      const { identity } = namespace;
      const id = identity === this.#own ? undefined : this.#host.assignNamespaceId(namespace);
      for (const other of this.#followed.in(id)) {
        if (other.namespace?.identity === identity) continue;
        this.#end(other);
        setImmediate(() => this.#tell(other, { kind: 'gone' }));
      }
      this.#followed.add(link, { identity, id });
      return namespace;
    } catch (error) {
      namespace.close();
      throw error;
    }
  }

  #end(link: FollowedLink): void {
    link.ended = true;
    this.#followed.delete(link);
    this.#unread.delete(link);
  }

  #tell(link: FollowedLink, state: PodLinkState): void {
    if (!this.#isFollowed(link) || samePodLinkState(link.state, state)) return;
    link.state = state;
    for (const listener of this.#listeners) listener(link.key, state);
  }

  #isFollowed(link: FollowedLink): boolean {
    return this.#byKey.get(link.key) === link;
  }
}

/** Reads off the event loop, because reading waits while another thread moves a link. */
async function readLink(namespace: NetworkNamespace, index: number): Promise<Link | undefined> {
  using socket = RouteSocket.open({ namespace });
  return await socket.linkAsync({ index });
}
