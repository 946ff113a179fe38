import type { ReferencedNamespace } from '../../wire/message-writer.ts';
import type { BridgePort } from './bridge-port.ts';
import type { Ipv4Configuration } from './ipv4-configuration.ts';
import type { XdpMode } from './link.ts';

/**
 * What {@link linkSet} changes; absent members stay as they are. All of it is one message, in which the kernel first moves the link, then
 * sets hardware address, MTU and name, then brings it up or down, and last changes the settings of IPv4, IPv6 and bridge port.
 */
export interface LinkChanges {
  readonly up?: boolean;
  /** New name, at most 15 bytes. With a name that is taken the kernel refuses the message (EEXIST). */
  readonly name?: string;
  /** Bytes. */
  readonly mtu?: number;
  /** Link-layer address. */
  readonly address?: string;
  readonly broadcast?: string;
  /** At most 255 bytes; the empty text removes it. */
  readonly alias?: string;
  readonly txQueueLength?: number;
  /** Index of its new bridge, bond or VRF; 0 for none. */
  readonly master?: number;
  /** Moves it there. The kernel waits some 16 ms for that, so execute it asynchronously. */
  readonly namespace?: ReferencedNamespace;
  /** The index that it gets in its new namespace; without it the kernel keeps the old one if it is free there. Since Linux 5.13. */
  readonly newIndex?: number;
  readonly group?: number;
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  readonly groMaxSize?: number;
  readonly gsoIpv4MaxSize?: number;
  readonly groIpv4MaxSize?: number;
  readonly promiscuous?: boolean;
  readonly allMulticast?: boolean;
  readonly multicast?: boolean;
  /** Switches address resolution off. */
  readonly noArp?: boolean;
  readonly protoDown?: boolean;
  readonly carrier?: boolean;
  readonly linkMode?: 'default' | 'dormant';
  /** Takes away the XDP program that runs there. Fails with EBUSY while the program's owner holds it by a `bpf_link`. */
  readonly detachXdp?: XdpMode;
  readonly ipv4?: Ipv4Configuration;
  /** How the kernel makes IPv6 addresses by itself; too late for the first one in a message that brings the link up. */
  readonly ipv6AddressGeneration?: 'eui64' | 'none' | 'stablePrivacy' | 'random';
  /** Settings as a port of the bridge that it is in already: enslaving and these do not fit into one message. */
  readonly bridgePort?: BridgePort;
}
