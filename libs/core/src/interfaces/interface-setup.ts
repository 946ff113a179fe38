import type { RouteConfig } from './interface-config.ts';

/**
 * How a link is to look in the pod: the merged and validated parameters. Plain JSON, so that it can be journalled.
 */
export type InterfaceSetup = {
  readonly name: string;
  /** Canonical `address/length`, in the order in which they are added. */
  readonly addresses: readonly string[];
  /** Bytes; as it is when absent. */
  readonly mtu?: number | undefined;
  /** Lower-case MAC address; as it is when absent. */
  readonly hardwareAddress?: string | undefined;
  /** In the order in which they are added: those without gateway first. */
  readonly routes: readonly RouteSetup[];
};

/** A route of an {@link InterfaceSetup}. */
export type RouteSetup = RouteConfig;
