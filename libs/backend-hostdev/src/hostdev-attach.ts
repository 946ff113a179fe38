import {
  type AttachedDevice,
  type AttachStrategy,
  DeviceNotFoundError,
  type DeviceRequest,
  type HostLinks,
  type InterfaceSetup,
  type JsonObject,
  type LinkSnapshot,
  ParametersInvalidError,
  type PodLinks,
  type PodSandbox,
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
  readonly #podLinks: PodLinks;

  constructor(hostLinks: HostLinks, podLinks: PodLinks) {
    this.#hostLinks = hostLinks;
    this.#podLinks = podLinks;
  }

  async prepare({ device, interface: setup }: DeviceRequest): Promise<JsonObject> {
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
    const prepared: HostdevPrepared = { snapshot: await this.#podLinks.snapshot(link), setup };
    return prepared as unknown as JsonObject;
  }

  attach(prepared: JsonObject, sandbox: PodSandbox): Promise<AttachedDevice> {
    const { snapshot, setup } = parse(prepared);
    return this.#podLinks.moveIn(snapshot, setup, sandbox);
  }

  detach(prepared: JsonObject, sandbox: PodSandbox): Promise<void> {
    const { snapshot, setup } = parse(prepared);
    return this.#podLinks.moveOut(snapshot, setup, sandbox);
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
