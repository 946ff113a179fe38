/** Settings of a link as a port of a bridge (`IFLA_BRPORT_*`, linux/if_link.h). */
export interface BridgePort {
  /** STP state 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking. */
  readonly state?: number;
  readonly priority?: number;
  readonly cost?: number;
  /** Packets may leave by the port that they came in by. */
  readonly hairpin?: boolean;
  readonly guard?: boolean;
  readonly fastLeave?: boolean;
  readonly learning?: boolean;
  readonly unicastFlood?: boolean;
  readonly multicastFlood?: boolean;
  readonly broadcastFlood?: boolean;
  readonly proxyArp?: boolean;
  readonly neighbourSuppression?: boolean;
  /** Isolated ports reach only ports that are not isolated. */
  readonly isolated?: boolean;
}
