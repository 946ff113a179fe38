/** Message types (`RTM_*TFILTER`, linux/rtnetlink.h). */
export const filterMessages = { new: 44, delete: 45, get: 46 } as const;

/** Size of `struct tcmsg`. */
export const trafficHeaderSize = 20;

/** Attributes of qdiscs and filters (`TCA_*`). */
export const trafficAttributes = { kind: 1, options: 2, chain: 11 } as const;

/** Attributes of a filter of kind `bpf` (`TCA_BPF_*`, linux/pkt_cls.h). */
export const bpfFilterAttributes = { name: 7 } as const;
