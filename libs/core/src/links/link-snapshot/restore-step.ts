import type { RouteRequest } from '@patchbay/netlink';

/** One message that brings back a part of what a link was. */
export interface RestoreStep {
  readonly request: RouteRequest;
  /** What it brings back, in words. */
  readonly what: string;
  /** Whether it may be there already when the message arrives, because the kernel makes it, too. */
  readonly alsoByKernel?: true;
}
