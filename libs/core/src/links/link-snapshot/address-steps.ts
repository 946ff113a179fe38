import { type Address, addressAdd, addressReplace } from '@patchbay/netlink';
import type { LinkSnapshot } from './link-snapshot.ts';
import type { RestoreStep } from './restore-step.ts';
import { inOrderOfAdding, isMadeByKernel, isSameAddress } from './snapshot-addresses.ts';
import { agedAddress } from './snapshot-lifetimes.ts';

/**
 * Adding a link's addresses before it comes up, and what is to follow then: while a link is down, IPv6 makes no route to the network of an
 * address that ends.
 *
 * @param elapsed seconds since the snapshot was taken
 */
export function addressSteps(
  snapshot: LinkSnapshot,
  linkIndex: number,
  now: readonly Address[],
  elapsed: number,
): { readonly beforeUp: readonly RestoreStep[]; readonly afterUp: readonly RestoreStep[] } {
  const missing = inOrderOfAdding(snapshot.addresses)
    .filter((address) => !isMadeByKernel(address) && !now.some((each) => isSameAddress(each, address)))
    .flatMap((address) => agedAddress(address, elapsed) ?? []);
  const steps = (addresses: readonly Address[], request: typeof addressAdd) =>
    addresses.map((address) => ({
      request: request({ ...address, linkIndex }),
      what: `address ${address.address}`,
    }));
  const endsInIpv6 = ({ family, validLifetime }: Address) => family === 6 && validLifetime !== undefined;
  return {
    beforeUp: steps(missing, addressAdd),
    afterUp: steps(missing.filter(endsInIpv6), addressReplace),
  };
}
