import { isDeepStrictEqual } from 'node:util';
import type { AllocatedClaim, AllocatedDevice } from '../claims/allocated-claim.ts';
import { baseRequestName } from '../claims/resolve-claim.ts';
import type { DeviceMetadata } from './device-metadata.ts';

/** Everything that the files of one claim are made from; plain JSON. */
export interface MetadataRecord {
  readonly schema: 1;
  /** The boot in which the claim was prepared. */
  readonly bootId: string;
  readonly namespace: string;
  readonly name: string;
  readonly podClaimName?: string;
  readonly requests: readonly RecordedRequest[];
}

/** One request of a claim: one file. */
export interface RecordedRequest {
  /** With subrequest. */
  readonly name: string;
  readonly generation: number;
  readonly devices: readonly RecordedDevice[];
}

/** One device of a request. */
export interface RecordedDevice {
  readonly pool: string;
  readonly device: string;
  readonly shareId?: string;
  /** What was known when the claim was prepared. */
  readonly prepared: KnownFacts;
  /** What was found out since. */
  readonly updated?: KnownFacts;
}

/** The part of a device's metadata that is not its name. */
export type KnownFacts = Pick<DeviceMetadata, 'attributes' | 'networkData'>;

/** What the file says about a device: what was found out since goes before what prepare knew. */
export function knownFacts({ prepared, updated }: RecordedDevice): KnownFacts {
  const attributes = { ...prepared.attributes, ...updated?.attributes };
  const networkData = updated?.networkData ?? prepared.networkData;
  return {
    ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
    ...(networkData === undefined ? {} : { networkData }),
  };
}

/**
 * The record of a prepared claim. Everything allocated is listed, with or without metadata; what `updatedRecord` has added since stays.
 *
 * @param previous of the same boot, if there is one
 */
export function preparedRecord(
  previous: MetadataRecord | undefined,
  bootId: string,
  claim: AllocatedClaim,
  devices: readonly DeviceMetadata[],
): MetadataRecord {
  const given = new Map(devices.map((one) => [deviceKey(one.request, one), one]));
  const before = new Map<string, RecordedDevice>();
  for (const { name, devices: recorded } of previous?.requests ?? []) {
    for (const one of recorded) before.set(deviceKey(name, one), one);
  }
  const recorded = (allocated: AllocatedDevice): RecordedDevice => {
    const { request, pool, device, shareId } = allocated;
    const key = deviceKey(request, allocated);
    const updated = before.get(key)?.updated;
    return {
      pool,
      device,
      ...(shareId === undefined ? {} : { shareId }),
      prepared: factsOf(given.get(key)),
      ...(updated === undefined ? {} : { updated }),
    };
  };
  const requests = new Map<string, RecordedRequest>();
  for (const allocated of claim.devices) {
    const base = baseRequestName(allocated.request);
    const request = requests.get(base) ?? { name: allocated.request, generation: 1, devices: [] };
    requests.set(base, { ...request, devices: [...request.devices, recorded(allocated)] });
  }
  const { namespace, name, podClaimName } = claim;
  return withGenerations(previous, {
    schema: 1,
    bootId,
    namespace,
    name,
    ...(podClaimName === undefined || podClaimName === '' ? {} : { podClaimName }),
    requests: [...requests.values()],
  });
}

/** The record with what was found out about devices; those left out say again what prepare knew. */
export function updatedRecord(previous: MetadataRecord, devices: readonly DeviceMetadata[]): MetadataRecord {
  const given = new Map(devices.map((one) => [deviceKey(one.request, one), one]));
  const requests = previous.requests.map((request) => ({
    ...request,
    devices: request.devices.map((one): RecordedDevice => {
      const { updated: _before, ...rest } = one;
      const found = given.get(deviceKey(request.name, one));
      return found === undefined ? rest : { ...rest, updated: factsOf(found) };
    }),
  }));
  return withGenerations(previous, { ...previous, requests });
}

/** Identifies a device within a claim. A request is served by one of its subrequests, so its base name is enough. */
export function deviceKey(
  request: string,
  device: { readonly pool: string; readonly device: string; readonly shareId?: string },
): string {
  return JSON.stringify([baseRequestName(request), device.pool, device.device, device.shareId ?? '']);
}

/** As they come back from the disk, since they are compared with what does. */
function factsOf(metadata: DeviceMetadata | undefined): KnownFacts {
  const { attributes, networkData } = metadata ?? {};
  return JSON.parse(JSON.stringify({ attributes, networkData })) as KnownFacts;
}

/** A request whose file will say something else gets the next generation. */
function withGenerations(previous: MetadataRecord | undefined, next: MetadataRecord): MetadataRecord {
  const before = new Map(previous?.requests.map((request) => [baseRequestName(request.name), request]));
  const requests = next.requests.map((request) => {
    const old = before.get(baseRequestName(request.name));
    if (old === undefined) return { ...request, generation: 1 };
    const changed = !isDeepStrictEqual(contentOf(old), contentOf(request));
    return { ...request, generation: old.generation + (changed ? 1 : 0) };
  });
  return { ...next, requests };
}

function contentOf({ name, devices }: RecordedRequest): unknown {
  return [name, devices.map((one) => [one.pool, one.device, knownFacts(one)])];
}
