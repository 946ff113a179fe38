import {
  attributeName,
  type Device,
  deviceName,
  type DeviceDiscovery,
  type HostLinks,
  interfaceNameFor,
  bandwidth,
  linkAttributes,
  linkCarrier,
  SysfsLinks,
} from '@patchbay/core';
import type { Link } from '@patchbay/netlink';
import type { MacvlanConfig, MacvlanParent } from './macvlan-config.ts';

/** Publishes each configured parent that exists as a device with as many shares as macvlan links may be built on it. */
export class MacvlanDiscovery implements DeviceDiscovery {
  readonly #hostLinks: HostLinks;
  readonly #config: MacvlanConfig;
  readonly #sysfs: SysfsLinks;

  /** @param sysfs where sysfs is mounted */
  constructor(hostLinks: HostLinks, config: MacvlanConfig, sysfs = '/sys') {
    this.#hostLinks = hostLinks;
    this.#config = config;
    this.#sysfs = new SysfsLinks(sysfs);
  }

  async list(): Promise<readonly Device[]> {
    const { links } = await this.#hostLinks.state();
    return this.#config.parents.flatMap((parent) => {
      const link = links.find(({ name, altnames }) => name === parent.link || altnames.includes(parent.link));
      return link === undefined ? [] : [this.#device(parent, link)];
    });
  }

  watch(onChange: () => void, signal: AbortSignal): void {
    const parents = this.#config.parents.map(({ link }) => link);
    this.#hostLinks.watch(onChange, signal, parents);
  }

  #device(parent: MacvlanParent, link: Link): Device {
    const {
      [attributeName('mac')]: _mac,
      [attributeName('alias')]: _alias,
      ...ofParent
    } = linkAttributes(link, { hardware: this.#sysfs.hardware(link) });
    const name = deviceName(parent.link);
    const speed = this.#sysfs.speed(link);
    return {
      name,
      identity: `macvlan/${parent.link}`,
      links: [link.index],
      interfaceName: interfaceNameFor(name),
      shares: parent.devices,
      ...linkCarrier(link),
      ...(speed === undefined ? {} : bandwidth(speed)),
      attributes: {
        ...ofParent,
        [attributeName('linkKind')]: { string: 'macvlan' },
        [attributeName('virtual')]: { bool: true },
        [attributeName('parent')]: { string: link.name },
        [attributeName('mode')]: { string: parent.mode },
      },
    };
  }
}
