import { readFileSync } from 'node:fs';

let known: string | undefined;

/** Identifies the running boot (`/proc/sys/kernel/random/boot_id`). */
export function bootId(): string {
  return (known ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
}
