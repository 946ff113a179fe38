import { hash } from 'node:crypto';
import type { PodSandbox } from '../backend/backend.ts';

/**
 * A locally administered unicast MAC address (IEEE 802, second-lowest bit of the first byte set) that is always the same for the same
 * seed, so that a link made again after a crash is recognised and the pod's neighbours keep their entries.
 */
export function hardwareAddressFor(...seed: readonly string[]): string {
  const bytes = hash('sha256', seed.join('\0'), 'buffer').subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** What tells a link in a sandbox from all others, for {@link hardwareAddressFor}: `seed`, and the pod where several have the claim. */
export function linkSeed(seed: readonly string[], { podUID, shared }: PodSandbox): readonly string[] {
  return shared ? [...seed, podUID] : seed;
}
