/**
 * A DHCPv4 and DHCPv6 client: gets, confirms, prolongs and gives back leases on a link of any network namespace, through packet sockets. It
 * keeps nothing and configures nothing: leases are plain JSON, and what is done with them is the caller's.
 *
 * @packageDocumentation
 */
export { DhcpError } from './dhcp-error.ts';
export { type DhcpLease, leasePhase, type LeasePhase, nextAttempt } from './lease-schedule.ts';
export { type PacketLink } from './socket/packet-socket.ts';
export {
  acquireDhcpv4,
  confirmDhcpv4,
  type Dhcpv4Answer,
  type Dhcpv4Link,
  type Dhcpv4Patience,
  releaseDhcpv4,
  renewDhcpv4,
} from './v4/dhcpv4-client.ts';
export { type Dhcpv4Identity, type Dhcpv4Lease, type LeasedRoute, monotonicNow } from './v4/dhcpv4-lease.ts';
export {
  acquireDhcpv6,
  type Dhcpv6Answer,
  type Dhcpv6Link,
  type Dhcpv6Patience,
  releaseDhcpv6,
  renewDhcpv6,
} from './v6/dhcpv6-client.ts';
export { type Dhcpv6Identity, type Dhcpv6Lease } from './v6/dhcpv6-lease.ts';
