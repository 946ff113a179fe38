import { createHash } from 'node:crypto';
import {
  type AttachedDevice,
  type AttachStrategy,
  attributeName,
  type Device,
  DeviceNotFoundError,
  type DeviceRequest,
  hardwareAddressFor,
  type HostEnd,
  type HostLinks,
  type JsonObject,
  type PodLinks,
  type PodLinkSpec,
  type PodSandbox,
} from '@patchbay/core';
import type { RouteSocket } from '@patchbay/netlink';
import { configureRoutedEnd, type RoutedEnd, routedSetup } from './routed-end.ts';
import type { VethConfig } from './veth-config.ts';

/** What is journalled for a veth pair. */
type VethPrepared = {
  readonly hostEnd: HostEnd;
  readonly routed?: RoutedEnd;
  readonly setup: PodLinkSpec['setup'];
};

/** Creates a veth pair: one end in the pod, the other on the host, as a bridge port or routed. */
export class VethAttach implements AttachStrategy {
  readonly #hostLinks: HostLinks;
  readonly #routes: RouteSocket;
  readonly #podLinks: PodLinks;
  readonly #config: VethConfig;

  constructor(hostLinks: HostLinks, routes: RouteSocket, podLinks: PodLinks, config: VethConfig) {
    this.#hostLinks = hostLinks;
    this.#routes = routes;
    this.#podLinks = podLinks;
    this.#config = config;
  }

  async prepare({ claim, device, interface: asked }: DeviceRequest): Promise<JsonObject> {
    const networkName = device.attributes[attributeName('network')];
    const network = this.#config.networks.find(
      ({ name }) => networkName !== undefined && 'string' in networkName && networkName.string === name,
    );
    if (network === undefined) {
      throw new DeviceNotFoundError(
        device.name,
        'its network is not in the configuration of backend veth any more',
      );
    }
    const setup = {
      ...asked,
      ...((asked.mtu ?? network.mtu) === undefined ? {} : { mtu: asked.mtu ?? network.mtu }),
      hardwareAddress: asked.hardwareAddress ?? hardwareAddressFor(claim.uid, device.identity, 'pod'),
    } as PodLinkSpec['setup'];
    const hostEnd: HostEnd = {
      name: hostEndName(claim.uid, device.identity),
      hardwareAddress: hardwareAddressFor(claim.uid, device.identity, 'host'),
      ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
      ...(network.mode === 'bridge' ? { bridge: await this.#bridge(network.bridge, device) } : {}),
    };
    const prepared: VethPrepared =
      network.mode === 'bridge' ? { hostEnd, setup } : routed(hostEnd, routedSetup(setup, network));
    return prepared as unknown as JsonObject;
  }

  async #bridge(name: string, device: Device): Promise<{ name: string; index: number }> {
    const { links } = await this.#hostLinks.state();
    const bridge = links.find((link) => link.name === name && link.kind === 'bridge');
    if (bridge === undefined) {
      throw new DeviceNotFoundError(
        device.name,
        `its bridge ${name} is not on the host any more; create it again`,
      );
    }
    return { name, index: bridge.index };
  }

  async attach(prepared: JsonObject, sandbox: PodSandbox): Promise<AttachedDevice> {
    const { hostEnd, routed: routedEnd, setup } = parse(prepared);
    const { attached, hostIndex } = await this.#podLinks.createPairIn(hostEnd, setup, sandbox);
    if (routedEnd !== undefined) configureRoutedEnd(this.#routes, hostIndex, routedEnd);
    return attached;
  }

  async detach(prepared: JsonObject): Promise<void> {
    await this.#podLinks.deletePair(parse(prepared).hostEnd.name);
  }

  async unprepare(): Promise<void> {
    // Nothing is kept on the host for a pair that is not attached.
  }
}

function routed(
  hostEnd: HostEnd,
  { setup, hostEnd: end }: ReturnType<typeof routedSetup<PodLinkSpec['setup']>>,
): VethPrepared {
  return { hostEnd, routed: end, setup };
}

/** The host's end is named after claim and device, so that it is found again after a crash. */
function hostEndName(claimUID: string, identity: string): string {
  return `pb${createHash('sha256').update(`${claimUID}\0${identity}`).digest('hex').slice(0, 12)}`;
}

function parse(prepared: JsonObject): VethPrepared {
  return prepared as unknown as VethPrepared;
}
