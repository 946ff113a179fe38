import {
  type AccountedFor,
  type AttachedDevice,
  type AttachStrategy,
  DeviceNotFoundError,
  type DevicePlace,
  DevicePlans,
  type DeviceRequest,
  type HostLeftover,
  type HostLinks,
  inheritedSetup,
  type InterfaceSetup,
  type JsonObject,
  type LeaseClient,
  type LinkPlaces,
  type LinkSnapshot,
  type MovedLinks,
  noLeases,
  ParametersInvalidError,
  planPodMove,
  type PodSandbox,
  type SandboxOfDevice,
  type StrayPins,
} from '@patchbay/core';
import type { Link } from '@patchbay/netlink';

/** What is journalled for a host link: what it was, and how it is to look in the pod. */
type HostdevPrepared = {
  readonly snapshot: LinkSnapshot;
  readonly setup: InterfaceSetup;
};

/** Moves a whole link of the host into the pod and brings it back as it was. */
export class HostdevAttach implements AttachStrategy {
  readonly #hostLinks: HostLinks;
  readonly #movedLinks: MovedLinks;
  readonly #places: LinkPlaces;
  readonly #leases: LeaseClient;
  readonly #pins: StrayPins | undefined;
  readonly #plans = new DevicePlans((prepared) => {
    const { snapshot, setup } = parse(prepared);
    return { snapshot, setup, configuration: planPodMove(snapshot, setup) };
  });

  constructor(
    hostLinks: HostLinks,
    movedLinks: MovedLinks,
    places: LinkPlaces,
    leases: LeaseClient = noLeases,
    pins?: StrayPins,
  ) {
    this.#pins = pins;
    this.#leases = leases;
    this.#hostLinks = hostLinks;
    this.#movedLinks = movedLinks;
    this.#places = places;
  }

  async prepare(request: DeviceRequest, signal: AbortSignal): Promise<JsonObject> {
    const { device, interface: setup } = request;
    const { links, wiring } = await this.#hostLinks.state();
    const link = links.find(({ index }) => device.links?.includes(index));
    if (link === undefined) {
      throw new DeviceNotFoundError(
        device.name,
        'its link is not on the host; it was unplugged or moved by someone else',
      );
    }
    const reason = wiring.get(link.index);
    if (reason !== undefined) {
      throw new DeviceNotFoundError(device.name, `link ${link.name} ${reason} and cannot be given to a pod`);
    }
    const mistake = mtuMistake(link, setup.mtu);
    if (mistake !== undefined) {
      throw new ParametersInvalidError(`device ${device.name}`, [
        { path: 'interface.mtu', message: mistake },
      ]);
    }
    await this.#movedLinks.assertCanMove(link, setup);
    const snapshot = await this.#movedLinks.snapshot(link);
    const leased = await this.#leases.lease(
      request,
      inheritedSetup(setup, snapshot),
      () => ({
        path: { kind: 'host-link', link: { name: link.name, index: link.index } },
        hardwareAddress: setup.hardwareAddress ?? link.address ?? '',
        largestMtu: link.maxMtu || Infinity,
      }),
      signal,
    );
    const prepared: HostdevPrepared = { snapshot, setup: leased };
    return prepared as unknown as JsonObject;
  }

  makeReady(prepared: JsonObject): void {
    this.#plans.of(prepared);
  }

  attach(prepared: JsonObject, sandbox: PodSandbox): Promise<AttachedDevice> {
    const { snapshot, setup, configuration } = this.#plans.of(prepared);
    return this.#movedLinks.moveIn(snapshot, setup, sandbox, configuration);
  }

  detach(prepared: JsonObject, sandbox: SandboxOfDevice): Promise<void> {
    const { snapshot, setup } = parse(prepared);
    return this.#movedLinks.moveOut(snapshot, setup, sandbox);
  }

  async leftovers(accounted: () => AccountedFor): Promise<HostLeftover[]> {
    const pins = () => {
      const { attachments, running } = accounted();
      return { snapshots: attachments.map(({ prepared }) => parse(prepared).snapshot), running };
    };
    return this.#pins?.find(pins) ?? [];
  }

  async locate(prepared: JsonObject, sandbox: SandboxOfDevice): Promise<DevicePlace> {
    const { snapshot, setup } = parse(prepared);
    return this.#places.moved(snapshot, setup, sandbox);
  }

  async unprepare(): Promise<void> {
    // A link that was never moved is not touched; one that was is restored when it is brought back.
  }
}

/** The kernel would refuse it only in the runtime's hook (`dev_validate_mtu` in net/core/dev.c). */
function mtuMistake({ name, minMtu = 0, maxMtu = 0 }: Link, mtu: number | undefined): string | undefined {
  if (mtu === undefined) return undefined;
  if (mtu < minMtu) return `${mtu} is less than link ${name} can do (${minMtu})`;
  return maxMtu > 0 && mtu > maxMtu ? `${mtu} is more than link ${name} can do (${maxMtu})` : undefined;
}

function parse(prepared: JsonObject): HostdevPrepared {
  return prepared as unknown as HostdevPrepared;
}
