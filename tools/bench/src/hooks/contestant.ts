import type { BenchHost } from '../links/bench-host.ts';
import type { PlannedLink } from '../links/planned-link.ts';
import type { BenchBackend } from '../links/bench-backends.ts';

/** Whoever brings links into a pod. */
export interface Contestant {
  /** `hook` for the driver; otherwise the key of the figure's ratio. */
  readonly name: string;
  /** Where it works. */
  readonly host: BenchHost;
  /** Takes part in every so-manieth round only, because it takes long. */
  readonly every: number;
  /** Brings the links into the pod and says how long that took, in milliseconds. */
  attach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<number>;
  /** Takes them back; the host is as before then, and quiet. */
  detach(backend: BenchBackend, links: readonly PlannedLink[]): Promise<void>;
}
