import type { RouteScope } from './address.ts';

/** Message types (`RTM_*`, linux/rtnetlink.h). */
export const addressMessages = { new: 20, delete: 21, get: 22 } as const;

/** Size of `struct ifaddrmsg`. */
export const addressHeaderSize = 8;

/** Attributes of an address (`IFA_*`, linux/if_addr.h). */
export const addressAttributes = {
  address: 1,
  local: 2,
  label: 3,
  broadcast: 4,
  cacheInfo: 6,
  flags: 8,
  metric: 9,
  protocol: 11,
} as const;

/** `INFINITY_LIFE_TIME`: a lifetime without end. */
export const forever = 0xffff_ffff;

/** Longest label (`IFNAMSIZ` without the zero). */
export const labelLimit = 15;

/** `RT_SCOPE_*`. */
export const scopeNumbers: Readonly<Record<RouteScope, number>> = {
  global: 0,
  site: 200,
  link: 253,
  host: 254,
  nowhere: 255,
};

/** The name of a scope; those that administrators number themselves lie between `global` and `site`. */
export function scopeName(number: number): RouteScope {
  if (number < scopeNumbers.site) return 'global';
  if (number < scopeNumbers.link) return 'site';
  return number === scopeNumbers.link ? 'link' : number === scopeNumbers.host ? 'host' : 'nowhere';
}
