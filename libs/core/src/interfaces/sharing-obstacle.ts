import type { InterfaceSetup } from './interface-setup.ts';

/**
 * Says why links in several pods cannot all be set up like this.
 *
 * @param setup as the claim asks for it, without what the driver chooses
 * @returns undefined when nothing in it must be unique on the network
 */
export function sharingObstacle({ name, addresses, hardwareAddress }: InterfaceSetup): string | undefined {
  if (addresses.length > 0)
    return `its interface '${name}' has the address ${addresses.join(', ')}, which one pod can have`;
  if (hardwareAddress === undefined) return undefined;
  return `its interface '${name}' has the hardware address ${hardwareAddress}, which one pod can have`;
}
