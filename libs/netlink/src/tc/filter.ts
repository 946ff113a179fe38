/** A filter of traffic control (`struct tcmsg` and `TCA_*`, linux/rtnetlink.h): what looks at a link's packets. */
export interface Filter {
  readonly linkIndex: number;
  /** What it hangs on: `ingress` and `egress` of the qdisc clsact, or the link's root qdisc. */
  readonly parent: FilterParent;
  /** `bpf`, `flower`, `u32`, … */
  readonly kind: string;
  readonly handle: number;
  readonly priority: number;
  /** EtherType that it is for; 3 (`ETH_P_ALL`) for all. */
  readonly protocol: number;
  readonly chain: number;
  /** Name of its eBPF program as its owner gave it, for kind `bpf`. */
  readonly programName?: string;
}

/** Where filters hang. */
export type FilterParent = keyof typeof filterParents;

/** `TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS)` and its egress counterpart (linux/pkt_sched.h); 0 is the root qdisc. */
export const filterParents = { root: 0, ingress: 0xffff_fff2, egress: 0xffff_fff3 } as const;
