import type { BridgePort } from './bridge-port.ts';
import type { LinkData } from './link-data.ts';

/**
 * A network interface as rtnetlink describes it (`struct ifinfomsg` and the `IFLA_*` attributes of linux/if_link.h). Plain JSON. What the
 * kernel did not say is absent.
 */
export interface Link {
  /** Number within its namespace, from 1. */
  readonly index: number;
  readonly name: string;
  /** Other names that it is known by, at most 127 bytes each; empty when it has none. They travel with it from namespace to namespace. */
  readonly altnames: readonly string[];
  /** Free text that an administrator gave it. */
  readonly alias?: string;
  /** The link's driver type, such as `veth`; absent for hardware and loopback. */
  readonly kind?: string;
  /** Settings of its kind. */
  readonly data?: LinkData;
  /** Largest packet in bytes, without the link-layer header. */
  readonly mtu: number;
  /** Smallest MTU that the driver takes. */
  readonly minMtu?: number;
  /** Largest MTU that the driver takes; absent when it sets no limit. */
  readonly maxMtu?: number;
  /** Link-layer address, lower case `aa:bb:…`; six bytes for Ethernet. Absent when the link has none. */
  readonly address?: string;
  /** Link-layer broadcast address. */
  readonly broadcast?: string;
  /** The address that the hardware was built with. */
  readonly permanentAddress?: string;
  /** {@link linkFlags}, or-ed. */
  readonly flags: number;
  /** Whether an administrator has switched it on (`IFF_UP`). */
  readonly up: boolean;
  /** Whether its driver says that there is a signal. Hardware says so only while the link is up. */
  readonly carrier: boolean;
  /** RFC 2863 operational state. */
  readonly operState: OperState;
  /** Index of the bridge, bond or VRF that it belongs to. */
  readonly master?: number;
  /** Index of the link that it is built on, or of its peer for veth (`IFLA_LINK`). Counts in {@link parentNamespaceId} when that is present. */
  readonly parent?: number;
  /** The parent's namespace as a number that only this namespace's `RTM_GETNSID` explains; absent when it is the same namespace. */
  readonly parentNamespaceId?: number;
  readonly encapsulation: LinkEncapsulation;
  /** Packets that its transmit queue holds. */
  readonly txQueueLength?: number;
  readonly txQueues?: number;
  readonly rxQueues?: number;
  /** Number for addressing many links at once; 0 by default. */
  readonly group?: number;
  /** How many users need it to be promiscuous. */
  readonly promiscuity?: number;
  /** How many users need it to receive all multicast packets. */
  readonly allMulticast?: number;
  readonly gsoMaxSize?: number;
  readonly gsoMaxSegments?: number;
  readonly groMaxSize?: number;
  readonly gsoIpv4MaxSize?: number;
  readonly groIpv4MaxSize?: number;
  readonly tsoMaxSize?: number;
  readonly tsoMaxSegments?: number;
  /** Numbers of the XDP programs that see its packets, by where they run; absent when there are none. */
  readonly xdp?: { readonly [K in XdpMode]?: number };
  /** How often the carrier came or went since the link was created. */
  readonly carrierChanges?: number;
  readonly linkMode?: 'default' | 'dormant';
  readonly protoDown?: boolean;
  /** The device that it is the interface of: `pci` and `0000:3b:00.0`. */
  readonly parentDevice?: { readonly bus: string; readonly name: string };
  /** Name of the port within its device, such as `p0` or `pf0vf1`. */
  readonly physicalPortName?: string;
  /** Identifier of its port, hexadecimal. */
  readonly physicalPortId?: string;
  /** Identifier of the switch that it is a port of, hexadecimal. */
  readonly physicalSwitchId?: string;
  /** Kind of its master, such as `bridge`. */
  readonly slaveKind?: string;
  /** Settings as a bridge's port; present when {@link slaveKind} is `bridge`. */
  readonly bridgePort?: BridgePort;
  /** Number of its virtual functions, if asked for by index or name and its driver has any. */
  readonly vfCount?: number;
  /** Whether the kernel refuses to move it to another namespace; kernels before 6.14 do not say. */
  readonly namespaceImmutable?: boolean;
}

/** Where an XDP program runs: in the link's driver, in the kernel behind any driver, in the card. */
export type XdpMode = 'driver' | 'generic' | 'hardware';

/** RFC 2863 operational states (`IF_OPER_*`, linux/if.h). */
export type OperState = 'unknown' | 'notpresent' | 'down' | 'lowerlayerdown' | 'testing' | 'dormant' | 'up';

/** Link-layer types (`ARPHRD_*`, linux/if_arp.h) that have a name here; others are `arphrd-<number>`. */
export type LinkEncapsulation =
  | 'ether'
  | 'infiniband'
  | 'loopback'
  | 'none'
  | 'ppp'
  | 'tunnel'
  | 'tunnel6'
  | 'sit'
  | 'gre'
  | 'gre6'
  | 'netlink'
  | 'can'
  | 'rawip'
  | `arphrd-${number}`;

/** Flags of a link (`IFF_*`, linux/if.h). */
export const linkFlags = {
  up: 0x1,
  broadcast: 0x2,
  debug: 0x4,
  loopback: 0x8,
  pointToPoint: 0x10,
  noTrailers: 0x20,
  running: 0x40,
  noArp: 0x80,
  promiscuous: 0x100,
  allMulticast: 0x200,
  master: 0x400,
  slave: 0x800,
  multicast: 0x1000,
  lowerUp: 0x10000,
  dormant: 0x20000,
} as const;

/** How a link is chosen. A name never matches an altname. */
export type LinkSelector =
  { readonly index: number } | { readonly name: string } | { readonly altname: string };
