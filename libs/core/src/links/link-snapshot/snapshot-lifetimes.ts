import type { Address, Route } from '@patchbay/netlink';

/** Seconds since the boot (`CLOCK_MONOTONIC`), the same for all processes. */
export function secondsSinceBoot(): number {
  return Math.floor(Number(process.hrtime.bigint() / 1_000_000_000n));
}

/** Whether something ends by itself, so that it matters when it was looked at. */
export function endsByItself(object: Address | Route): boolean {
  return 'address' in object
    ? object.validLifetime !== undefined || object.preferredLifetime !== undefined
    : object.expires !== undefined;
}

/** An address as it would be now, had it been left alone; undefined when it would have ended. */
export function agedAddress(address: Address, elapsed: number): Address | undefined {
  const { preferredLifetime, validLifetime } = address;
  if (validLifetime !== undefined && validLifetime <= elapsed) return undefined;
  return {
    ...address,
    ...(preferredLifetime === undefined
      ? {}
      : { preferredLifetime: Math.max(0, preferredLifetime - elapsed) }),
    ...(validLifetime === undefined ? {} : { validLifetime: validLifetime - elapsed }),
  };
}

/** A route as it would be now, had it been left alone; undefined when it would have ended. */
export function agedRoute<T extends Route>(route: T, elapsed: number): T | undefined {
  const { expires } = route;
  if (expires === undefined) return route;
  return expires <= elapsed ? undefined : { ...route, expires: expires - elapsed };
}
