import type { InterfaceSection } from './interface-config.ts';
import type { LeasedAddress } from './leased-address.ts';
import type { NeighbourConfig } from './schema/neighbour-schema.ts';
import type { RouteConfig } from './schema/route-schema.ts';
import type { RuleConfig } from './schema/rule-schema.ts';

/**
 * How a link is to look in the pod: the merged and validated parameters. Plain JSON, so that it can be journalled. What is absent stays as it
 * is.
 */
export type InterfaceSetup = Omit<InterfaceSection, 'name' | 'addresses'> & {
  readonly name: string;
  /** Canonical `address/length`, in the order in which they are added. */
  readonly addresses: readonly string[];
  /** In the order in which they are added: those without gateway first. */
  readonly routes: readonly RouteSetup[];
  readonly rules?: readonly RuleConfig[] | undefined;
  readonly neighbours?: readonly NeighbourConfig[] | undefined;
  /** Which of the addresses are lent, and for how long. */
  readonly leases?: readonly LeasedAddress[] | undefined;
};

/** A route of an {@link InterfaceSetup}. */
export type RouteSetup = RouteConfig;
