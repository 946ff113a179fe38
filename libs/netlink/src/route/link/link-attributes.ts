/** Message types (`RTM_*`, linux/rtnetlink.h). */
export const linkMessages = { new: 16, delete: 17, get: 18, newProperty: 108, deleteProperty: 109 } as const;

/** Size of `struct ifinfomsg`. */
export const linkHeaderSize = 16;

/** Attributes of a link (`IFLA_*`, linux/if_link.h). */
export const linkAttributes = {
  address: 1,
  broadcast: 2,
  name: 3,
  mtu: 4,
  link: 5,
  master: 10,
  txQueueLength: 13,
  operState: 16,
  linkMode: 17,
  linkInfo: 18,
  alias: 20,
  vfCount: 21,
  addressFamilies: 26,
  group: 27,
  namespaceFd: 28,
  extraMask: 29,
  promiscuity: 30,
  txQueues: 31,
  rxQueues: 32,
  carrier: 33,
  physicalPortId: 34,
  carrierChanges: 35,
  physicalSwitchId: 36,
  parentNamespaceId: 37,
  physicalPortName: 38,
  protoDown: 39,
  gsoMaxSegments: 40,
  gsoMaxSize: 41,
  xdp: 43,
  newNamespaceId: 45,
  newIndex: 49,
  minMtu: 50,
  maxMtu: 51,
  properties: 52,
  altname: 53,
  permanentAddress: 54,
  parentDeviceName: 56,
  parentDeviceBus: 57,
  groMaxSize: 58,
  tsoMaxSize: 59,
  tsoMaxSegments: 60,
  allMulticast: 61,
  gsoIpv4MaxSize: 63,
  groIpv4MaxSize: 64,
  namespaceImmutable: 67,
} as const;

/** Attributes of a link's kind (`IFLA_INFO_*`). */
export const infoAttributes = { kind: 1, data: 2, slaveKind: 4, slaveData: 5 } as const;

/** Attributes of XDP (`IFLA_XDP_*`). */
export const xdpAttributes = { fd: 1, flags: 3, driver: 5, generic: 6, hardware: 7 } as const;

/** Longest name (`IFNAMSIZ` without the zero), altname (`ALTIFNAMSIZ`) and alias (`IFALIASZ`), in bytes. */
export const nameLimits = { name: 15, altname: 127, alias: 255, kind: 15 } as const;

/** `RTEXT_FILTER_SKIP_STATS`: leave the counters out, half of every answer. */
export const filterSkipStatistics = 8;
