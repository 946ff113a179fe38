import type { LinkEvent } from './route-event.ts';

/** What a {@link NamespaceLinkMonitor} tells. */
export type NamespaceLinkEvent =
  | (LinkEvent & {
      /** Number of the namespace that the link is in; undefined for the monitor's own. */
      readonly namespaceId: number | undefined;
    })
  | {
      readonly group: 'namespace';
      /**
       * `new`: a namespace has got a number and is heard from now on. `delete`: the one that had it is dying, and nothing more is heard of
       * its links, not even that they go. The number is free again before this is told, so the next namespace's `new` may come first.
       */
      readonly action: 'new' | 'delete';
      readonly namespaceId: number;
    };
