import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import type { JsonObject, JsonValue } from '../json.ts';
import type { ClaimDeviceStatus, DeviceCondition, DeviceNetworkData } from './claim-device-status.ts';

// Limits of resource.k8s.io (types.go) and of conditions (meta/v1); the API server refuses the whole status beyond them.
const mostConditions = 8;
const mostDataBytes = 10 * 1024;
const mostIps = 16;
const longestInterfaceName = 256;
const longestHardwareAddress = 128;
const longestReason = 1024;
const longestMessage = 32_768;
const reasonPattern = /^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/;

/** An entry of `status.devices`, as far as it is looked at. */
export interface DeviceStatusEntry extends JsonObject {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
}

/** The merge key of `status.devices`. */
export function entryKey(entry: JsonObject): string {
  return [entry['driver'], entry['pool'], entry['device'], entry['shareID'] ?? ''].join('|');
}

/**
 * One entry of `status.devices` that the API server will take: what is too much is left out, since a status that is a little shorter is
 * worth more than none.
 *
 * @param present the entry that the claim has now; the times of its conditions are kept where their status stays the same.
 */
export function deviceStatusEntry(
  driver: string,
  status: ClaimDeviceStatus,
  present: JsonObject | undefined,
  now: Date,
): DeviceStatusEntry {
  const conditions = trimConditions(status.conditions).map((one) => wireCondition(one, present, now));
  const network = status.networkData === undefined ? {} : wireNetworkData(status.networkData);
  return {
    driver,
    pool: status.pool,
    device: status.device,
    ...(status.shareId === undefined ? {} : { shareID: status.shareId }),
    ...(conditions.length === 0 ? {} : { conditions }),
    ...(status.data === undefined ? {} : { data: trimData(status.data) }),
    ...(Object.keys(network).length === 0 ? {} : { networkData: network }),
  };
}

/** `Ready` first, then in the order given; the last one of a type counts. */
function trimConditions(conditions: readonly DeviceCondition[]): DeviceCondition[] {
  const byType = new Map(conditions.map((condition) => [condition.type, condition]));
  const sorted = [...byType.values()].sort((a, b) => Number(b.type === 'Ready') - Number(a.type === 'Ready'));
  return sorted.slice(0, mostConditions);
}

function wireCondition(condition: DeviceCondition, present: JsonObject | undefined, now: Date): JsonObject {
  const { type, status, reason, message } = condition;
  const known = Array.isArray(present?.['conditions'])
    ? (present['conditions'] as readonly JsonObject[])
    : [];
  const before = known.find((one) => one['type'] === type);
  const kept = before?.['status'] === status ? before['lastTransitionTime'] : undefined;
  return {
    type,
    status,
    reason: reasonPattern.test(reason) ? reason.slice(0, longestReason) : 'Unknown',
    message: message.slice(0, longestMessage),
    // Whole seconds, as the API server writes them.
    lastTransitionTime: condition.lastTransitionTime ?? kept ?? `${now.toISOString().slice(0, 19)}Z`,
  };
}

/** Leaves out the largest members until the rest fits, and says so. */
function trimData(data: JsonObject): JsonObject {
  let rest: JsonObject = data;
  while (bytesOf(rest) > mostDataBytes) {
    const members = Object.entries(rest).filter(([key]) => key !== 'truncated');
    members.sort(([, a], [, b]) => bytesOf(b) - bytesOf(a));
    rest = { ...Object.fromEntries(members.slice(1)), truncated: true };
  }
  return rest;
}

function bytesOf(value: JsonValue): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** A cut name or address would be wrong, so one that is too long is left out. */
function wireNetworkData(data: DeviceNetworkData): JsonObject {
  const { interfaceName, hardwareAddress } = data;
  const ips = [...new Set((data.ips ?? []).flatMap(canonicalInterfaceAddress))].slice(0, mostIps);
  return {
    ...(fits(interfaceName, longestInterfaceName) ? { interfaceName } : {}),
    ...(fits(hardwareAddress, longestHardwareAddress) ? { hardwareAddress } : {}),
    ...(ips.length === 0 ? {} : { ips }),
  };
}

function fits(text: string | undefined, bytes: number): text is string {
  return text !== undefined && text !== '' && Buffer.byteLength(text) <= bytes;
}

/** `address/length` in the one spelling that the API server accepts; nothing for what is no such thing. */
export function canonicalInterfaceAddress(text: string): string[] {
  const [address = '', length = '', ...more] = text.split('/');
  const bits = isIPv4(address) ? 32 : isIPv6(address) && !address.includes('%') ? 128 : -1;
  if (more.length > 0 || !/^\d{1,3}$/.test(length) || Number(length) > bits) return [];
  if (bits === 32) return [`${address}/${Number(length)}`];
  return [`${new SocketAddress({ address, family: 'ipv6' }).address}/${Number(length)}`];
}
