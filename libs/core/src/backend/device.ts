import type { Device as PublishedDevice } from '@patchbay/dra';

/**
 * A device as a backend discovers it: what is published in the node's ResourceSlice, and what tells which piece of the node it is.
 */
export interface Device extends PublishedDevice {
  /**
   * What the device is, in words that survive a rename of its link and a restart of the driver, such as `pci/0000:3b:00.0` or
   * `veth/blue/3`. Two devices with the same identity are the same device.
   */
  readonly identity: string;
  /**
   * Indexes of the host's links that the device is. A link belongs to the first backend in the configured order that discovers it;
   * a later backend's device on the same link is not published. Empty or absent for devices that are created on demand.
   */
  readonly links?: readonly number[];
  /**
   * Indexes of the host's links that its own are built on, such as the card of a VLAN: while a claim holds the device, no device that is one of
   * them is published, unless it may be shared. Moving that one into another pod would cut this one off.
   */
  readonly builtOn?: readonly number[];
  /** Name of the interface in the pod when the claim asks for none; the device's name when absent. */
  readonly interfaceName?: string;
  /**
   * How many claims may have the device at once, each a link of its own; absent: one. Such a device is published once, with a consumable
   * capacity, or, where the cluster does not know that, as so many devices `<name>-<slot>`; see `sharedDevice` and `discreteDevices`.
   */
  readonly shares?: number;
  /** Name of the device of which this is one claim's share; set by the inventory, never by a backend. */
  readonly slotOf?: string;
  /** Whether its link has a carrier. Absent when that cannot be told: it has no link on the host, or one that is administratively down. */
  readonly carrier?: boolean;
}

/** Domain of all attributes and capacities that Patchbay publishes, whatever the driver is called. */
export const attributeDomain = 'patchbay.dev';

/**
 * The qualified name of one of Patchbay's own device attributes.
 *
 * @param name C identifier of at most 32 characters, such as `ifName`
 * @returns `patchbay.dev/<name>`
 */
export function attributeName(name: string): string {
  return `${attributeDomain}/${name}`;
}
