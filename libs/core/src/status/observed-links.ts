import { NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { AttachedClaimDevice } from '../attachments/attachment-observer.ts';
import type { ClaimRecord, DeviceRecord } from '../attachments/claim-record.ts';
import type { PodSandbox } from '../backend/backend.ts';

/** A device's link in a pod, as the kernel has it. */
export interface ObservedLink {
  readonly index: number;
  readonly name: string;
  readonly hardwareAddress?: string;
  /** Bytes. */
  readonly mtu: number;
  /** Global addresses, `address/length`. */
  readonly ips: readonly string[];
}

/**
 * Reads the links of a claim's devices back from a pod: as they are, not as they were asked for.
 *
 * @param attached what attaching has just made; what was attached before is found by the record
 * @returns the links that are there
 * @throws NamespaceGoneError when the pod has gone
 */
export function observeLinks(
  record: ClaimRecord,
  sandbox: PodSandbox,
  attached: readonly AttachedClaimDevice[],
): ReadonlyMap<DeviceRecord, ObservedLink> {
  using namespace = NetworkNamespace.open(sandbox.networkNamespacePath);
  using socket = RouteSocket.open({ namespace });
  const result = new Map<DeviceRecord, ObservedLink>();
  const { linkIndexes = {} } =
    record.attachments.find((each) => each.sandbox.podUID === sandbox.podUID) ?? {};
  for (const device of record.devices.filter(({ adminAccess }) => !adminAccess)) {
    const { interfaceName: name } = device;
    const index =
      attached.find((each) => each.record.interfaceName === name)?.attached.linkIndex ?? linkIndexes[name];
    // A record whose writing was cut off does not have it.
    const link = socket.link(index === undefined ? { name } : { index });
    if (link === undefined) continue;
    const addresses = socket.addresses({ linkIndex: link.index });
    result.set(device, {
      index: link.index,
      name: link.name,
      ...(link.address === undefined ? {} : { hardwareAddress: link.address }),
      mtu: link.mtu,
      ips: addresses.filter(({ scope }) => scope === 'global').map(({ address }) => address),
    });
  }
  return result;
}
