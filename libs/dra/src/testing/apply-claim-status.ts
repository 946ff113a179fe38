import type { JsonObject } from '../json.ts';

/** An entry of `status.devices` that some field manager owns. */
export interface OwnedDeviceStatus extends JsonObject {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
}

/** A claim as far as its status matters here. */
export interface StatusClaim {
  readonly status?: {
    readonly allocation?: { readonly devices?: { readonly results?: readonly OwnedDeviceStatus[] } };
    readonly devices?: readonly OwnedDeviceStatus[];
  };
}

/** What the API server would object to (KEP-4817 limits); undefined when nothing. */
export function deviceStatusProblem(
  claim: StatusClaim,
  devices: readonly OwnedDeviceStatus[],
): string | undefined {
  const allocated = new Set((claim.status?.allocation?.devices?.results ?? []).map(deviceKey));
  for (const entry of devices) {
    const conditions = entry['conditions'];
    const network = entry['networkData'] as { ips?: unknown[] } | undefined;
    if (!allocated.has(deviceKey(entry))) return `status.devices: ${deviceKey(entry)} is not allocated`;
    if (Array.isArray(conditions) && conditions.length > 8) return 'status.devices.conditions: too many';
    if (Buffer.byteLength(JSON.stringify(entry['data'] ?? null)) > 10 * 1024)
      return 'status.devices.data: too long';
    if ((network?.ips?.length ?? 0) > 16) return 'status.devices.networkData.ips: too many';
  }
  return undefined;
}

/** Server-side apply reduced to `status.devices`: entries that the manager applied before are replaced, all others stay. */
export function applyDeviceStatus(
  present: readonly OwnedDeviceStatus[],
  owned: ReadonlySet<string>,
  applied: readonly OwnedDeviceStatus[],
): OwnedDeviceStatus[] {
  const replaced = new Set([...owned, ...applied.map(deviceKey)]);
  return [...present.filter((entry) => !replaced.has(deviceKey(entry))), ...applied];
}

/** The merge key of the list. */
export function deviceKey(entry: JsonObject): string {
  return [entry['driver'], entry['pool'], entry['device'], entry['shareID'] ?? ''].join('|');
}
