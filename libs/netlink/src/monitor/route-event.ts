import type { Address } from '../route/address/address.ts';
import type { Link } from '../route/link/link.ts';
import type { Neighbour } from '../route/neighbour/neighbour.ts';
import type { Route } from '../route/route/route.ts';
import type { Rule } from '../route/rule/rule.ts';

/** What a {@link RouteMonitor} can watch. */
export type RouteGroup = 'link' | 'address' | 'route' | 'rule' | 'neighbour';

/** What a {@link ChangeMonitor} can watch: also next-hop objects, which Linux has since 5.3. */
export type ChangeGroup = RouteGroup | 'nexthop';

/** A link came to be, changed (both `new`, with the whole link as it is now) or went. */
export interface LinkEvent {
  readonly group: 'link';
  readonly action: 'new' | 'delete';
  readonly link: Link;
  /** On `delete` when the link did not die and moved to another namespace: that one's number in the link's, and its index there. */
  readonly movedTo?: { readonly namespaceId: number; readonly index: number };
}

/** A change that the kernel has made. `new` is both an object that came to be and one that changed, as it is now. */
export type RouteEvent =
  | LinkEvent
  | { readonly group: 'address'; readonly action: 'new' | 'delete'; readonly address: Address }
  | { readonly group: 'route'; readonly action: 'new' | 'delete'; readonly route: Route }
  | { readonly group: 'rule'; readonly action: 'new' | 'delete'; readonly rule: Rule }
  | { readonly group: 'neighbour'; readonly action: 'new' | 'delete'; readonly neighbour: Neighbour };
