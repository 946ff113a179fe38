import { setTimeout as pause } from 'node:timers/promises';
import type { BenchBackend } from '../links/bench-backends.ts';
import type { BenchHost } from '../links/bench-host.ts';
import type { PlannedLink } from '../links/planned-link.ts';

/** The kernel goes on working for a moment after links have gone; in milliseconds. */
const settleMs = 20;

/** Takes links back from a rival's pod, and waits until the kernel is quiet. */
export async function removeLinks(
  backend: BenchBackend,
  links: readonly PlannedLink[],
  host: BenchHost,
): Promise<void> {
  for (const link of links) await backend.remove(link, host);
  await pause(settleMs);
}
