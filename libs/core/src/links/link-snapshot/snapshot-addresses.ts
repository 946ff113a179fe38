import { type Address, addressFlags } from '@patchbay/netlink';

/** Without the progress of duplicate address detection, which depends on the moment and not on who configured the address. */
export function withoutAddressState(address: Address): Address {
  return { ...address, flags: address.flags & ~(addressFlags.tentative | addressFlags.dadfailed) };
}

/**
 * Whether an address is in the snapshot only to be known. The kernel makes it by itself: an IPv6 address from a secret, or a temporary one
 * (RFC 8981) from an address that is restored.
 */
export function isMadeByKernel({ family, flags }: Address): boolean {
  return family === 6 && (flags & (addressFlags.stableprivacy | addressFlags.secondary)) !== 0;
}

/** Whether two are the same address of a link, whatever their flags. */
export function isSameAddress(one: Address, other: Address): boolean {
  return one.address === other.address && one.peer === other.peer;
}

/**
 * In the order in which they are to be added: the kernel puts an IPv4 address behind those that are there, an IPv6 address before those of its
 * scope.
 */
export function inOrderOfAdding(addresses: readonly Address[]): readonly Address[] {
  return [
    ...addresses.filter(({ family }) => family === 4),
    ...addresses.filter(({ family }) => family === 6).toReversed(),
  ];
}
