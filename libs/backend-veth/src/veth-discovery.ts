import {
  attributeName,
  type Device,
  type DeviceDiscovery,
  type HostLinks,
  interfaceNameFor,
} from '@patchbay/core';
import type { VethConfig, VethNetwork } from './veth-config.ts';

/** Publishes each configured network as a device with as many shares as pods may be on it. A bridged network needs its bridge to exist. */
export class VethDiscovery implements DeviceDiscovery {
  readonly #hostLinks: HostLinks;
  readonly #config: VethConfig;

  constructor(hostLinks: HostLinks, config: VethConfig) {
    this.#hostLinks = hostLinks;
    this.#config = config;
  }

  async list(): Promise<readonly Device[]> {
    const { links } = await this.#hostLinks.state();
    const bridges = new Set(links.filter(({ kind }) => kind === 'bridge').map(({ name }) => name));
    return this.#config.networks
      .filter((network) => network.mode === 'routed' || bridges.has(network.bridge))
      .map(vethDevice);
  }

  watch(onChange: () => void, signal: AbortSignal): void {
    this.#hostLinks.watch(onChange, signal);
  }
}

function vethDevice(network: VethNetwork): Device {
  const { name } = network;
  return {
    name,
    identity: `veth/${name}`,
    interfaceName: interfaceNameFor(name),
    shares: network.devices,
    attributes: {
      [attributeName('network')]: { string: network.name },
      [attributeName('mode')]: { string: network.mode },
      [attributeName('linkKind')]: { string: 'veth' },
      [attributeName('virtual')]: { bool: true },
      ...(network.mode === 'bridge' ? { [attributeName('bridge')]: { string: network.bridge } } : {}),
      ...(network.mtu === undefined ? {} : { [attributeName('mtu')]: { int: network.mtu } }),
    },
  };
}
