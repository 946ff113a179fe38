import type { Link, OperState } from '@patchbay/netlink';

/** How a link in a pod fares. */
export type PodLinkState =
  /** It is switched on and can carry packets. */
  | { readonly kind: 'up' }
  /** It is switched on and cannot carry packets: no signal, or one that is not usable yet. */
  | { readonly kind: 'no-carrier'; readonly operState: OperState }
  /** An administrator, perhaps the pod, has switched it off; what its carrier would be is unknown. */
  | { readonly kind: 'down' }
  /** It is not in the namespace any more, or the namespace is not. */
  | { readonly kind: 'gone' };

/** How a link fares that is there. */
export function podLinkState({ up, carrier, operState }: Link): PodLinkState {
  if (!up) return { kind: 'down' };
  // As the kernel's own IFF_RUNNING: drivers that know no operational state leave it unknown.
  const operational = operState === 'up' || operState === 'unknown';
  return carrier && operational ? { kind: 'up' } : { kind: 'no-carrier', operState };
}

/** Whether two states are the same. */
export function samePodLinkState(left: PodLinkState | undefined, right: PodLinkState): boolean {
  if (left?.kind !== right.kind) return false;
  return left.kind !== 'no-carrier' || right.kind !== 'no-carrier' || left.operState === right.operState;
}
