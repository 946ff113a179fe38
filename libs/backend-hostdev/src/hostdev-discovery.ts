import {
  type Device,
  deviceName,
  type DeviceDiscovery,
  type HostLinks,
  linkAttributes,
  linkSpeed,
  pciDeviceName,
} from '@patchbay/core';
import type { Link } from '@patchbay/netlink';
import type { HostdevConfig } from './hostdev-config.ts';
import { isSelected } from './link-selector.ts';

/** Publishes the host's links that the configuration selects and that are not the node's own wiring. */
export class HostdevDiscovery implements DeviceDiscovery {
  readonly #hostLinks: HostLinks;
  readonly #config: HostdevConfig;
  readonly #sysfs: string;

  /** @param sysfs where sysfs is mounted */
  constructor(hostLinks: HostLinks, config: HostdevConfig, sysfs = '/sys') {
    this.#hostLinks = hostLinks;
    this.#config = config;
    this.#sysfs = sysfs;
  }

  async list(): Promise<readonly Device[]> {
    const { links, wiring } = await this.#hostLinks.state();
    return links
      .filter((link) => !wiring.has(link.index) && isSelected(link, this.#config))
      .map((link) => this.#device(link));
  }

  watch(onChange: () => void, signal: AbortSignal): void {
    this.#hostLinks.watch(onChange, signal);
  }

  #device(link: Link): Device {
    const pciAddress = link.parentDevice?.bus === 'pci' ? link.parentDevice.name : undefined;
    const speed = linkSpeed(link.name, this.#sysfs);
    return {
      name: pciAddress === undefined ? deviceName(link.name) : pciDeviceName(pciAddress),
      identity:
        pciAddress === undefined
          ? `link/${link.index}/${link.permanentAddress ?? link.address ?? ''}`
          : `pci/${pciAddress}`,
      links: [link.index],
      interfaceName: link.name,
      attributes: linkAttributes(link, this.#sysfs),
      ...(speed === undefined ? {} : { capacity: { 'patchbay.dev/bandwidth': { value: String(speed) } } }),
    };
  }
}
