import { NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { AttachedClaimDevice } from '../attachments/claim-attacher.ts';
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
 * @param attached what attaching has just made, where this process did that; other links are found by their names
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
  for (const device of record.devices.filter(({ adminAccess }) => !adminAccess)) {
    const index = attached.find(({ record: { interfaceName } }) => interfaceName === device.interfaceName)
      ?.attached.linkIndex;
    const link = socket.link(index === undefined ? { name: device.interfaceName } : { index });
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
