import { createHash } from 'node:crypto';

/**
 * A locally administered unicast MAC address (IEEE 802, second-lowest bit of the first byte set) that is always the same for the same
 * seed, so that a link made again after a crash is recognised and the pod's neighbours keep their entries.
 */
export function hardwareAddressFor(...seed: readonly string[]): string {
  const bytes = createHash('sha256').update(seed.join('\0')).digest().subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
