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
  type InterfaceSetup,
  type JsonObject,
  linkSeed,
  type PodLinks,
  type PodLinkSpec,
  type PodSandbox,
  sharingObstacle,
} from '@patchbay/core';
import type { RouteSocket } from '@patchbay/netlink';
import { configureRoutedEnd, type RoutedEnd, routedSetup } from './routed-end.ts';
import type { RoutedNetwork, VethConfig } from './veth-config.ts';

/** What is journalled for a veth pair. */
type VethPrepared = {
  readonly bridge?: NonNullable<HostEnd['bridge']>;
  readonly routed?: RoutedEnd;
  readonly setup: InterfaceSetup;
  /** What names and hardware addresses are made of where the claim asks for none. */
  readonly seed: readonly string[];
};

/** The two ends as they are to be for one sandbox. */
interface VethPair {
  readonly hostEnd: HostEnd;
  readonly setup: PodLinkSpec['setup'];
}

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

  async prepare({ claim, device, shareId, interface: asked }: DeviceRequest): Promise<JsonObject> {
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
    const mtu = asked.mtu ?? network.mtu;
    const setup: InterfaceSetup = { ...asked, ...(mtu === undefined ? {} : { mtu }) };
    const seed = [claim.uid, device.identity, ...(shareId === undefined ? [] : [shareId])];
    const prepared: VethPrepared =
      network.mode === 'bridge'
        ? { seed, setup, bridge: await this.#bridge(network.bridge, device) }
        : { seed, ...routed(setup, network) };
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
    const { hostEnd, setup } = pairFor(sandbox, prepared);
    const { routed: routedEnd } = parse(prepared);
    const { attached, hostIndex } = await this.#podLinks.createPairIn(hostEnd, setup, sandbox);
    if (routedEnd !== undefined) configureRoutedEnd(this.#routes, hostIndex, routedEnd);
    return attached;
  }

  async detach(prepared: JsonObject, sandbox: PodSandbox): Promise<void> {
    await this.#podLinks.deletePair(pairFor(sandbox, prepared).hostEnd.name);
  }

  obstacleToSharing(prepared: JsonObject): string | undefined {
    return sharingObstacle(parse(prepared).setup);
  }

  async unprepare(): Promise<void> {
    // Nothing is kept on the host for a pair that is not attached.
  }
}

function routed(asked: InterfaceSetup, network: RoutedNetwork): Pick<VethPrepared, 'setup' | 'routed'> {
  const { setup, hostEnd } = routedSetup(asked, network);
  return { setup, routed: hostEnd };
}

function pairFor(sandbox: PodSandbox, prepared: JsonObject): VethPair {
  const { bridge, setup, seed: ofClaim } = parse(prepared);
  const seed = linkSeed(ofClaim, sandbox);
  return {
    hostEnd: {
      name: hostEndName(seed),
      hardwareAddress: hardwareAddressFor(...seed, 'host'),
      ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
      ...(bridge === undefined ? {} : { bridge }),
    },
    setup: { ...setup, hardwareAddress: setup.hardwareAddress ?? hardwareAddressFor(...seed, 'pod') },
  };
}

/** The host's end is named after claim and device, so that it is found again after a crash. */
function hostEndName(seed: readonly string[]): string {
  return `pb${createHash('sha256').update(seed.join('\0')).digest('hex').slice(0, 12)}`;
}

function parse(prepared: JsonObject): VethPrepared {
  return prepared as unknown as VethPrepared;
}
