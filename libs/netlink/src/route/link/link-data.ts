import type { ReferencedNamespace } from '../../wire/message-writer.ts';

/** The settings of a link's kind (`IFLA_LINKINFO`, linux/if_link.h); the same shapes create a link and describe one. */
export type LinkData =
  | VethData
  | MacvlanData
  | IpvlanData
  | VlanData
  | BridgeData
  | DummyData
  | VrfData
  | IfbData
  | VxlanData
  | RawLinkData;

/** A pair of Ethernet links, each receiving what the other sends. */
export interface VethData {
  readonly kind: 'veth';
  /** The other end; given when creating, never read. An end that is to be up at once needs the other one up: see {@link LinkSpec.up}. */
  readonly peer?: VethPeer;
}

/** The far end of a veth pair at its creation. */
export interface VethPeer {
  readonly name?: string;
  readonly mtu?: number;
  readonly address?: string;
  readonly group?: number;
  readonly txQueueLength?: number;
  readonly txQueues?: number;
  readonly rxQueues?: number;
  /** Where it is created; default: beside its other end. */
  readonly namespace?: ReferencedNamespace;
}

/** A link with an address of its own on top of a parent. */
export interface MacvlanData {
  readonly kind: 'macvlan' | 'macvtap';
  /** Default when creating: `vepa`, the kernel's. */
  readonly mode?: MacvlanMode;
  /** `MACVLAN_FLAG_*`. */
  readonly flags?: number;
}

/** How macvlan links on one parent reach each other. */
export type MacvlanMode = 'private' | 'vepa' | 'bridge' | 'passthru' | 'source';

/** A link that shares its parent's address. */
export interface IpvlanData {
  readonly kind: 'ipvlan' | 'ipvtap';
  /** Default when creating: `l3`, the kernel's. */
  readonly mode?: 'l2' | 'l3' | 'l3s';
  /** Default when creating: `bridge`. */
  readonly isolation?: 'bridge' | 'private' | 'vepa';
}

/** A VLAN of its parent. */
export interface VlanData {
  readonly kind: 'vlan';
  /** 0 to 4095. */
  readonly id: number;
  /** Default: `802.1Q`. */
  readonly protocol?: '802.1Q' | '802.1ad';
  /** `VLAN_FLAG_*`. */
  readonly flags?: number;
}

/** A software switch. */
export interface BridgeData {
  readonly kind: 'bridge';
  readonly vlanFiltering?: boolean;
  readonly vlanProtocol?: '802.1Q' | '802.1ad';
  readonly vlanDefaultPvid?: number;
  readonly stp?: boolean;
  /** Seconds that a learnt address lives without being seen. */
  readonly ageingTime?: number;
  /** Seconds between listening and forwarding with STP. */
  readonly forwardDelay?: number;
  readonly multicastSnooping?: boolean;
  /** Mask of link-local groups that are forwarded. */
  readonly groupForwardMask?: number;
}

/** A link that drops everything. */
export interface DummyData {
  readonly kind: 'dummy';
}

/** A routing domain of its own. */
export interface VrfData {
  readonly kind: 'vrf';
  /** Number of its routing table. */
  readonly table: number;
}

/** A link that packets are redirected to for queueing. */
export interface IfbData {
  readonly kind: 'ifb';
}

/** Ethernet over UDP. */
export interface VxlanData {
  readonly kind: 'vxlan';
  /** VXLAN network identifier, 0 to 2^24-1. */
  readonly id: number;
  /** Remote or multicast address. */
  readonly group?: string;
  readonly local?: string;
  /** Index of the link that carries its packets; absent when routes decide. */
  readonly link?: number;
  /** UDP destination port. Default when creating: 4789, IANA's; the kernel's own default is 8472. */
  readonly port?: number;
  readonly ttl?: number;
  readonly learning?: boolean;
}

/** Any other kind: its attributes as they are on the wire. */
export interface RawLinkData {
  readonly kind: 'raw';
  /** The kind as the kernel calls it, such as `geneve`. */
  readonly type: string;
  /** The content of `IFLA_INFO_DATA`, hexadecimal. */
  readonly attributes?: string;
}
