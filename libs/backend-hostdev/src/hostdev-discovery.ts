import {
  type Device,
  deviceName,
  type DeviceDiscovery,
  type HostLinks,
  bandwidth,
  linkAttributes,
  linkCarrier,
  linksUnder,
  SysfsLinks,
  pciDeviceName,
} from '@patchbay/core';
import type { Address, Link } from '@patchbay/netlink';
import type { HostdevConfig } from './hostdev-config.ts';
import { isSelected } from './link-selector.ts';

/** Publishes the host's links that the configuration selects and that are not the node's own wiring. */
export class HostdevDiscovery implements DeviceDiscovery {
  readonly #hostLinks: HostLinks;
  readonly #config: HostdevConfig;
  readonly #sysfs: SysfsLinks;
  /**
   * PCI addresses that several links were seen with. Remembered, because a device must keep its name while its neighbour is in a pod and
   * this one has the address for itself.
   */
  readonly #shared = new Set<string>();

  /** @param sysfs where sysfs is mounted */
  constructor(hostLinks: HostLinks, config: HostdevConfig, sysfs = '/sys') {
    this.#hostLinks = hostLinks;
    this.#config = config;
    this.#sysfs = new SysfsLinks(sysfs);
  }

  async list(): Promise<readonly Device[]> {
    const { links, addresses, wiring } = await this.#hostLinks.state();
    for (const address of repeated(links.flatMap((link) => pciAddress(link) ?? [])))
      this.#shared.add(address);
    return links
      .filter((link) => !wiring.has(link.index) && isSelected(link, this.#config))
      .map((link) => this.#device(link, addresses.get(link.index), linksUnder(link, links)));
  }

  watch(onChange: () => void, signal: AbortSignal): void {
    this.#hostLinks.watch(onChange, signal);
  }

  #device(link: Link, addresses: readonly Address[] | undefined, builtOn: readonly number[]): Device {
    const speed = this.#sysfs.speed(link);
    return {
      ...this.#nameAndIdentity(link),
      links: [link.index],
      ...(builtOn.length === 0 ? {} : { builtOn }),
      interfaceName: link.name,
      attributes: linkAttributes(link, { hardware: this.#sysfs.hardware(link), addresses }),
      ...linkCarrier(link),
      ...(speed === undefined ? {} : bandwidth(speed)),
    };
  }

  #nameAndIdentity(link: Link): Pick<Device, 'name' | 'identity'> {
    const address = pciAddress(link);
    if (address === undefined) {
      return {
        name: deviceName(link.name),
        identity: `link/${link.index}/${link.permanentAddress ?? link.address ?? ''}`,
      };
    }
    const name = pciDeviceName(address);
    if (!this.#shared.has(address)) return { name, identity: `pci/${address}` };
    // Ports of a card with one function for all, or representors of virtual functions, which have the address of the physical one.
    const port = link.physicalPortName ?? link.name;
    return { name: deviceName(`${name}-${port}`), identity: `pci/${address}/${port}` };
  }
}

function pciAddress({ parentDevice }: Link): string | undefined {
  return parentDevice?.bus === 'pci' ? parentDevice.name : undefined;
}

function repeated(texts: readonly string[]): string[] {
  return texts.filter((text, index) => texts.indexOf(text) < index);
}
