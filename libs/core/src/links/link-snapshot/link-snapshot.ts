import type { Address, BridgePort, Link, Neighbour, NexthopObject, Switches } from '@patchbay/netlink';
import type { LinkSettings } from './link-settings.ts';
import type { SnapshotRoute } from './snapshot-routes.ts';
import type { LinkSysctls } from './snapshot-sysctls.ts';

/**
 * All that the driver brings back when a host link returns from a pod. Plain JSON, taken before the link is touched for the first time
 * and journalled with the claim; what is "current" later is never taken for the original. What is absent was not known, and is left as it is.
 *
 * Rules are no part of it: the kernel keeps those that name a link by `iif` or `oif` when it leaves, and has them match again when a link of
 * that name is there. Neither are queueing disciplines, which the kernel makes anew when the link comes up.
 */
export type LinkSnapshot = {
  /** The boot in which it was taken; in another one the link is as the host has made it anew, and nothing of this is true. */
  readonly bootId?: string;
  readonly index: number;
  readonly name: string;
  readonly altnames: readonly string[];
  readonly alias?: string;
  readonly up: boolean;
  readonly mtu: number;
  readonly hardwareAddress?: string;
  /** What the link is whatever it is called: identity by which it is found again. */
  readonly permanentAddress?: string;
  readonly parentDevice?: { readonly bus: string; readonly name: string };
  /** Which of its device's ports it is; cards with one function for several have no other difference between their links. */
  readonly physicalPort?: string;
  /** Kind of a software link (`veth`, …); such a link dies with a namespace that dies. Absent for hardware. */
  readonly kind?: string;
  /** Index of a veth's other end, if that is on the host. */
  readonly peer?: number;
  readonly txQueueLength?: number;
  readonly settings?: LinkSettings;
  readonly master?: number;
  /** The master's name, by which it is found if it was made anew. */
  readonly masterName?: string;
  readonly bridgePort?: BridgePort;
  /** XDP programs that the host had on it. */
  readonly xdp?: Link['xdp'];
  /** Numbers of the TCX programs that the host had on it. */
  readonly tcxPrograms?: readonly number[];
  /** Offload features that can be switched, and whether they are wanted. */
  readonly features?: Switches;
  readonly privateFlags?: Switches;
  readonly sysctls?: LinkSysctls;
  /** In the kernel's order. */
  readonly addresses: readonly Address[];
  /** Those that somebody made, in the kernel's order. */
  readonly routes: readonly SnapshotRoute[];
  /** Those that the kernel had made for addresses and nobody had taken away. */
  readonly kernelRoutes?: readonly SnapshotRoute[];
  /** Next-hop objects of the link, and the groups that they are in. */
  readonly nexthopObjects?: readonly NexthopObject[];
  /** Permanent ones, and those that the host answers for. */
  readonly neighbours: readonly Neighbour[];
  /** When it was taken, in seconds since the boot, if something in it has a lifetime. */
  readonly takenAt?: number;
};
