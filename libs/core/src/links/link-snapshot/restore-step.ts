import type { RouteRequest } from '@patchbay/netlink';

/** One message that brings back a part of what a link was. */
export interface RestoreStep {
  readonly request: RouteRequest;
  /** What it brings back, in words. */
  readonly what: string;
}
