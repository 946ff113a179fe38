import {
  type AccountedFor,
  type AttachedDevice,
  type AttachStrategy,
  attributeName,
  type CreatedLinks,
  type Device,
  DeviceNotFoundError,
  type DevicePlace,
  DevicePlans,
  type DeviceRequest,
  hardwareAddressFor,
  type HostEnd,
  type HostLeftover,
  type HostLinks,
  type InterfaceSetup,
  type JsonObject,
  type LeaseClient,
  linkSeed,
  noLeases,
  ParametersInvalidError,
  planPodPair,
  type PodPairSpec,
  type PodSandbox,
  sharingObstacle,
} from '@patchbay/core';
import type { Link, RouteSocket } from '@patchbay/netlink';
import { hostEndName, hostEndPrefix, strayHostEnds } from './host-end.ts';
import { configureRoutedEnd, type RoutedEnd, routedSetup } from './routed-end.ts';
import type { RoutedNetwork, VethConfig } from './veth-config.ts';

/** What is journalled for a veth pair. */
type VethPrepared = {
  readonly bridge?: NonNullable<HostEnd['bridge']>;
  readonly routed?: RoutedEnd;
  readonly setup: InterfaceSetup;
  /** What names and hardware addresses are made of where the claim asks for none. */
  readonly seed: readonly string[];
  /** Made of the seed: what the pair is known by, unless it is one of several of the claim. */
  readonly marks: PairMarks;
};

/** By what the ends of a pair are known. */
type PairMarks = {
  readonly hostName: string;
  readonly hostAddress: string;
  readonly podAddress: string;
};

/** Creates a veth pair: one end in the pod, the other on the host, as a bridge port or routed. */
export class VethAttach implements AttachStrategy {
  readonly #hostLinks: HostLinks;
  readonly #routes: RouteSocket;
  readonly #createdLinks: CreatedLinks;
  readonly #config: VethConfig;
  /** Of the names of ends on the host. */
  readonly #prefix: string;
  readonly #leases: LeaseClient;
  readonly #plans = new DevicePlans((prepared, sandbox) => planPodPair(this.#pair(prepared, sandbox)));

  constructor(
    hostLinks: HostLinks,
    routes: RouteSocket,
    createdLinks: CreatedLinks,
    config: VethConfig,
    driverName = 'patchbay.dev',
    leases: LeaseClient = noLeases,
  ) {
    this.#prefix = hostEndPrefix(driverName);
    this.#hostLinks = hostLinks;
    this.#routes = routes;
    this.#createdLinks = createdLinks;
    this.#leases = leases;
    this.#config = config;
  }

  async prepare(request: DeviceRequest, signal: AbortSignal): Promise<JsonObject> {
    const { claim, device, shareId, interface: asked } = request;
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
    await this.#createdLinks.assertCanCreate({ kind: 'veth' }, setup);
    const seed = [claim.uid, device.identity, ...(shareId === undefined ? [] : [shareId])];
    const marks = this.#marks(seed);
    if (network.mode === 'routed') {
      return { seed, marks, ...routed(setup, network) } satisfies VethPrepared as unknown as JsonObject;
    }
    const { name, index, mtu: largestMtu } = await this.#bridge(network.bridge, device);
    const bridge = { name, index };
    // A server lends an address to one hardware address, which must then be known now.
    const hardwareAddress = setup.hardwareAddress ?? marks.podAddress;
    const leased = await this.#leases.lease(
      request,
      setup.dhcp === undefined ? setup : { ...setup, hardwareAddress },
      () => ({ path: { kind: 'bridge-port', bridge }, hardwareAddress, largestMtu }),
      signal,
    );
    return { seed, marks, setup: leased, bridge } satisfies VethPrepared as unknown as JsonObject;
  }

  makeReady(prepared: JsonObject): void {
    this.#plans.of(prepared);
  }

  async #bridge(name: string, device: Device): Promise<Link> {
    const { links } = await this.#hostLinks.state();
    const bridge = links.find((link) => link.name === name && link.kind === 'bridge');
    if (bridge === undefined) {
      throw new DeviceNotFoundError(
        device.name,
        `its bridge ${name} is not on the host any more; create it again`,
      );
    }
    return bridge;
  }

  async attach(prepared: JsonObject, sandbox: PodSandbox): Promise<AttachedDevice> {
    const { routed: routedEnd } = parse(prepared);
    const plan = this.#plans.of(prepared, sandbox);
    const { attached, hostIndex } = await this.#createdLinks.createPairIn(plan, sandbox);
    if (routedEnd !== undefined) configureRoutedEnd(this.#routes, hostIndex, routedEnd);
    return attached;
  }

  detach(prepared: JsonObject, sandbox: PodSandbox): Promise<void> {
    return this.#createdLinks.deletePair(this.#pair(prepared, sandbox), sandbox);
  }

  obstacleToSharing(prepared: JsonObject): string | undefined {
    return sharingObstacle(parse(prepared).setup);
  }

  async locate(prepared: JsonObject, sandbox: PodSandbox): Promise<DevicePlace> {
    // One end is never without the other, whatever the pod makes of its own.
    const hostEnd = await this.#routes.linkAsync({ name: this.#pair(prepared, sandbox).hostEnd.name });
    return hostEnd === undefined ? 'host' : 'pod';
  }

  leftovers(accounted: () => AccountedFor): Promise<HostLeftover[]> {
    return strayHostEnds(this.#routes, this.#prefix, () => {
      const { attachments, running } = accounted();
      const names = attachments.map(({ prepared, sandbox }) => this.#pair(prepared, sandbox).hostEnd.name);
      return { names: new Set(names), running };
    });
  }

  async unprepare(): Promise<void> {
    // Nothing is kept on the host for a pair that is not attached.
  }

  /** The two ends as they are to be for one sandbox, or for the only one. */
  #pair(prepared: JsonObject, sandbox?: PodSandbox): PodPairSpec {
    const { bridge, setup, seed, marks } = parse(prepared);
    const { hostName, hostAddress, podAddress } = sandbox?.shared
      ? this.#marks(linkSeed(seed, sandbox))
      : marks;
    return {
      hostEnd: {
        name: hostName,
        hardwareAddress: hostAddress,
        ...(setup.mtu === undefined ? {} : { mtu: setup.mtu }),
        ...(bridge === undefined ? {} : { bridge }),
      },
      setup: { ...setup, hardwareAddress: setup.hardwareAddress ?? podAddress },
    };
  }

  #marks(seed: readonly string[]): PairMarks {
    return {
      hostName: hostEndName(this.#prefix, seed),
      hostAddress: hardwareAddressFor(...seed, 'host'),
      podAddress: hardwareAddressFor(...seed, 'pod'),
    };
  }
}

function routed(asked: InterfaceSetup, network: RoutedNetwork): Pick<VethPrepared, 'setup' | 'routed'> {
  if (asked.dhcp !== undefined) {
    throw new ParametersInvalidError(`network ${network.name}`, [
      {
        path: 'interface.dhcp',
        message:
          'a routed link reaches no DHCP server: nothing that is broadcast passes the node; give interface.addresses or interface.addressRange, or use a network with mode: bridge',
      },
    ]);
  }
  const { setup, hostEnd } = routedSetup(asked, network);
  return { setup, routed: hostEnd };
}

function parse(prepared: JsonObject): VethPrepared {
  return prepared as unknown as VethPrepared;
}
