import type { NamespaceIdentity } from '@patchbay/netlink';
import type { PodLinkState } from './pod-link-state.ts';

/** Where a link is. */
export interface PodLinkPlace {
  /** Path of the pod's network namespace; must last as long as the namespace (see `durableNamespacePath`). */
  readonly networkNamespacePath: string;
  /** The link's index there. */
  readonly linkIndex: number;
}

/** A link that is being followed, and all that is kept for it. */
export interface FollowedLink extends PodLinkPlace {
  readonly key: string;
  /** Known from the first look on; undefined before, and once the namespace has died. */
  namespace: FollowedNamespace | undefined;
  /** As it was told last. */
  state: PodLinkState | undefined;
  /** How many events have told of it: what was asked before the latest of them is old. */
  events: number;
  /** Whether its namespace has died, after which nothing changes any more. */
  ended: boolean;
}

/** A namespace as two namings of it: one of files, one of events. */
export interface FollowedNamespace {
  readonly identity: NamespaceIdentity;
  /** Its number in the host's namespace; undefined for that one itself. */
  readonly id: number | undefined;
}

/** Finds followed links by where events say that they are. */
export class FollowedLinks {
  readonly #byNamespace = new Map<number | undefined, FollowedLink[]>();

  /** The followed links of a namespace. */
  in(namespaceId: number | undefined): readonly FollowedLink[] {
    return this.#byNamespace.get(namespaceId) ?? [];
  }

  /** Whether a link of a namespace is followed. */
  has(namespaceId: number | undefined, linkIndex: number): boolean {
    return this.in(namespaceId).some((link) => link.linkIndex === linkIndex);
  }

  /** Repeatable. */
  add(link: FollowedLink, namespace: FollowedNamespace): void {
    if (link.namespace !== undefined) return;
    link.namespace = namespace;
    this.#byNamespace.set(namespace.id, [...this.in(namespace.id), link]);
  }

  /** Repeatable. */
  delete(link: FollowedLink): void {
    if (link.namespace === undefined) return;
    const { id } = link.namespace;
    link.namespace = undefined;
    const rest = this.in(id).filter((other) => other !== link);
    if (rest.length > 0) this.#byNamespace.set(id, rest);
    else this.#byNamespace.delete(id);
  }
}
