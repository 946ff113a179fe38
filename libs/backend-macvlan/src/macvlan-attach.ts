import {
  type AttachedDevice,
  type AttachStrategy,
  type ConfigIssue,
  type CreatedLinks,
  DeviceNotFoundError,
  type DevicePlace,
  DevicePlans,
  type DeviceRequest,
  hardwareAddressFor,
  type HostLinks,
  type InterfaceSetup,
  type JsonObject,
  type LeaseClient,
  type LinkPlaces,
  linkSeed,
  noLeases,
  ParametersInvalidError,
  planPodLink,
  type PodLinkSpec,
  type PodSandbox,
  type SandboxOfDevice,
  sharingObstacle,
} from '@patchbay/core';
import type { Link } from '@patchbay/netlink';
import type { MacvlanConfig, MacvlanMode, MacvlanParameters } from './macvlan-config.ts';

/** What is journalled for a macvlan link. */
type MacvlanPrepared = {
  readonly mode: MacvlanMode;
  readonly parent: number;
  readonly setup: InterfaceSetup;
  /** What the hardware address is made of where the claim asks for none. */
  readonly seed: readonly string[];
  /** Made of the seed: the address where the claim asks for none, unless the link is one of several of the claim. */
  readonly seedAddress: string;
};

/** Creates a macvlan link on a parent, directly in the pod's namespace. */
export class MacvlanAttach implements AttachStrategy {
  readonly #hostLinks: HostLinks;
  readonly #createdLinks: CreatedLinks;
  readonly #places: LinkPlaces;
  readonly #leases: LeaseClient;
  readonly #config: MacvlanConfig;
  readonly #plans = new DevicePlans((prepared, sandbox) => planPodLink(linkIn(prepared, sandbox)));

  constructor(
    hostLinks: HostLinks,
    createdLinks: CreatedLinks,
    places: LinkPlaces,
    config: MacvlanConfig,
    leases: LeaseClient = noLeases,
  ) {
    this.#leases = leases;
    this.#hostLinks = hostLinks;
    this.#createdLinks = createdLinks;
    this.#places = places;
    this.#config = config;
  }

  async prepare(request: DeviceRequest, signal: AbortSignal): Promise<JsonObject> {
    const { claim, device, shareId, interface: asked } = request;
    const { links } = await this.#hostLinks.state();
    const parent = links.find(({ index }) => device.links?.includes(index));
    if (parent === undefined)
      throw new DeviceNotFoundError(device.name, 'its parent link is not on the host any more');
    const parameters = request.parameters as MacvlanParameters;
    const configured = this.#config.parents.find(
      ({ link }) => link === parent.name || parent.altnames.includes(link),
    );
    const configuredMode = configured?.mode ?? 'bridge';
    const mode = parameters.mode ?? configuredMode;
    assertPossible(request, parent, mode, configuredMode);
    await this.#createdLinks.assertCanCreate({ kind: 'macvlan', mode }, asked, parent);
    const seed = [claim.uid, device.identity, ...(shareId === undefined ? [] : [shareId])];
    const seedAddress = hardwareAddressFor(...seed);
    const hardwareAddress =
      mode === 'passthru'
        ? (parent.address ?? asked.hardwareAddress)
        : // A server lends an address to one hardware address, which must then be known now.
          (asked.hardwareAddress ?? (asked.dhcp && seedAddress));
    const setup = hardwareAddress === undefined ? asked : { ...asked, hardwareAddress };
    const leased = await this.#leases.lease(
      request,
      setup,
      () => ({
        path: {
          kind: 'parent',
          parent: { name: parent.name, index: parent.index },
          data: { kind: 'macvlan', mode },
        },
        hardwareAddress: hardwareAddress ?? '',
        largestMtu: parent.mtu,
      }),
      signal,
    );
    const prepared: MacvlanPrepared = { mode, parent: parent.index, setup: leased, seed, seedAddress };
    return prepared as unknown as JsonObject;
  }

  makeReady(prepared: JsonObject): void {
    this.#plans.of(prepared);
  }

  attach(prepared: JsonObject, sandbox: PodSandbox): Promise<AttachedDevice> {
    return this.#createdLinks.createIn(this.#plans.of(prepared, sandbox), sandbox);
  }

  detach(prepared: JsonObject, sandbox: SandboxOfDevice): Promise<void> {
    return this.#createdLinks.deleteFrom(linkIn(prepared, sandbox), sandbox);
  }

  obstacleToSharing(prepared: JsonObject): string | undefined {
    return sharingObstacle(parse(prepared).setup);
  }

  locate(prepared: JsonObject, sandbox: SandboxOfDevice): Promise<DevicePlace> {
    return this.#places.created('macvlan', linkIn(prepared, sandbox).setup, sandbox);
  }

  async unprepare(): Promise<void> {
    // Nothing is kept on the host for a macvlan link.
  }
}

/** What the kernel would refuse in the runtime's hook, or do otherwise than asked, is refused here. */
function assertPossible(
  { device, interface: setup }: DeviceRequest,
  parent: Link,
  mode: MacvlanMode,
  configuredMode: MacvlanMode,
): void {
  const issues = [
    ...modeMistakes(parent, mode, configuredMode),
    ...(setup.mtu !== undefined && setup.mtu > parent.mtu
      ? [
          {
            path: 'interface.mtu',
            message: `${setup.mtu} is more than that of parent ${parent.name} (${parent.mtu}); lower it or raise the parent's`,
          },
        ]
      : []),
    ...(mode === 'passthru' && setup.hardwareAddress !== undefined && setup.hardwareAddress !== parent.address
      ? [
          {
            path: 'interface.hardwareAddress',
            message: `a macvlan link in mode passthru has the address of its parent ${parent.name} (${parent.address}); leave it out`,
          },
        ]
      : []),
  ];
  if (issues.length > 0) throw new ParametersInvalidError(`device ${device.name}`, issues);
}

/** A link in mode passthru tolerates no other on its parent (`macvlan_common_newlink` in drivers/net/macvlan.c): EINVAL in the hook. */
function modeMistakes(parent: Link, mode: MacvlanMode, configuredMode: MacvlanMode): ConfigIssue[] {
  if ((mode === 'passthru') === (configuredMode === 'passthru')) return [];
  const message =
    mode === 'passthru'
      ? `passthru takes the whole of parent ${parent.name}, which is configured to be shared in mode ${configuredMode}; configure the parent with mode: passthru in the driver's configuration, or ask for another mode`
      : `parent ${parent.name} is configured with mode passthru, which cannot be mixed with ${mode}; leave the mode out, or configure the parent with mode: ${mode} in the driver's configuration`;
  return [{ path: 'macvlan.mode', message }];
}

/** The link as it is to be in one sandbox, or in the only one. */
function linkIn(prepared: JsonObject, sandbox?: PodSandbox): PodLinkSpec {
  const { mode, parent, setup, seed, seedAddress } = parse(prepared);
  const ofSeed = sandbox?.shared ? hardwareAddressFor(...linkSeed(seed, sandbox)) : seedAddress;
  const hardwareAddress = setup.hardwareAddress ?? ofSeed;
  return { data: { kind: 'macvlan', mode }, parent, setup: { ...setup, hardwareAddress } };
}

function parse(prepared: JsonObject): MacvlanPrepared {
  return prepared as unknown as MacvlanPrepared;
}
