import { z } from 'zod';
import { draDescriptor } from '../generated/dra-descriptor.ts';
import { UnaryClient, serviceDefinition } from '../grpc/unary-client.ts';
import { DraProtocolError } from './dra-protocol-error.ts';
import type { AllocationResult } from './kubelet-api.ts';
import type { DraServiceName } from './kubelet-release.ts';

/** A claim as the kubelet names it to a driver, with what the API server allocated of that driver. */
export interface ClaimOfDriver {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** The allocation's results for the driver asked. */
  readonly results: readonly AllocationResult[];
}

/** A device that a driver has prepared. */
export interface PreparedDevice {
  /** Requests of the claim that get the device, without subrequests; none means all. */
  readonly requestNames: readonly string[];
  readonly poolName: string;
  readonly deviceName: string;
  readonly cdiDeviceIds: readonly string[];
  readonly shareId?: string | undefined;
}

const deviceSchema = z.object({
  requestNames: z.array(z.string()),
  poolName: z.string(),
  deviceName: z.string(),
  cdiDeviceIds: z.array(z.string()),
  shareId: z.string().optional(),
});
const preparedSchema = z.object({
  claims: z.record(z.string(), z.object({ devices: z.array(deviceSchema), error: z.string() })),
});
const unpreparedSchema = z.object({ claims: z.record(z.string(), z.object({ error: z.string() })) });

/** Qualified CDI device: vendor, class and device name (CDI specification 0.6 and later). */
const cdiDevice =
  /^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]\/[A-Za-z]([A-Za-z0-9_-]*[A-Za-z0-9])?=[A-Za-z0-9]([A-Za-z0-9_.:-]*[A-Za-z0-9])?$/;

/**
 * A driver's DRA service, called as the kubelet calls it. Answers are checked against the protocol and the claims' allocations, more
 * strictly than the kubelet does.
 */
export class DraService {
  readonly driverName: string;
  readonly #client: UnaryClient;
  readonly #timeoutMs: number;
  /** Whether the wire has a place for share ids; v1beta1 has none. */
  readonly #hasShareIds: boolean;

  constructor(driverName: string, endpoint: string, service: DraServiceName, timeoutMs: number) {
    const version = service.slice(0, service.indexOf('.'));
    this.driverName = driverName;
    this.#timeoutMs = timeoutMs;
    this.#hasShareIds = service === 'v1.DRAPlugin';
    this.#client = new UnaryClient(
      endpoint,
      serviceDefinition(draDescriptor, `k8s.io.kubelet.pkg.apis.dra.${version}.DRAPlugin`),
    );
  }

  /** Keeps the connection up, and tells when it comes and goes. */
  watchConnection(onChange: (connected: boolean) => void): void {
    this.#client.watchConnection(onChange);
  }

  /**
   * NodePrepareResources for some claims.
   *
   * @returns each claim's devices by claim UID
   * @throws RpcError when the call failed; Error with the driver's words when it refuses a claim; DraProtocolError
   */
  async prepare(claims: readonly ClaimOfDriver[]): Promise<ReadonlyMap<string, readonly PreparedDevice[]>> {
    const answer = await this.#call('NodePrepareResources', claims, preparedSchema);
    this.#requireEntries('NodePrepareResources', claims, answer.claims);
    const prepared = new Map<string, readonly PreparedDevice[]>();
    const failures: string[] = [];
    for (const claim of claims) {
      const entry = answer.claims[claim.uid];
      if (entry === undefined) continue;
      if (entry.error !== '') {
        failures.push(
          `NodePrepareResources failed for ResourceClaim ${claim.namespace}/${claim.name}: ${entry.error}`,
        );
        continue;
      }
      this.#judge(claim, entry.devices);
      prepared.set(claim.uid, entry.devices);
    }
    if (failures.length > 0) throw new Error(failures.join('; '));
    return prepared;
  }

  /**
   * NodeUnprepareResources for some claims.
   *
   * @throws RpcError when the call failed; Error with the driver's words when a claim could not be unprepared; DraProtocolError
   */
  async unprepare(claims: readonly Omit<ClaimOfDriver, 'results'>[]): Promise<void> {
    const answer = await this.#call('NodeUnprepareResources', claims, unpreparedSchema);
    this.#requireEntries('NodeUnprepareResources', claims, answer.claims);
    const failures = claims
      .filter(({ uid }) => (answer.claims[uid]?.error ?? '') !== '')
      .map(
        ({ uid, namespace, name }) =>
          `NodeUnprepareResources failed for ResourceClaim ${namespace}/${name}: ${answer.claims[uid]?.error ?? ''}`,
      );
    if (failures.length > 0) throw new Error(failures.join('; '));
  }

  close(): void {
    this.#client.close();
  }

  async #call<T>(
    method: string,
    claims: readonly Omit<ClaimOfDriver, 'results'>[],
    schema: z.ZodType<T>,
  ): Promise<T> {
    const request = { claims: claims.map(({ namespace, uid, name }) => ({ namespace, uid, name })) };
    return schema.parse(await this.#client.call(method, request, { timeoutMs: this.#timeoutMs }));
  }

  /** Every claim that was asked for has an entry, and no other has. */
  #requireEntries(
    method: string,
    claims: readonly { readonly uid: string }[],
    entries: Readonly<Record<string, unknown>>,
  ): void {
    const asked = new Set(claims.map(({ uid }) => uid));
    const missing = [...asked].filter((uid) => !(uid in entries));
    const unknown = Object.keys(entries).filter((uid) => !asked.has(uid));
    if (missing.length > 0) this.#violated(`${method} has no entry for claim UID ${missing.join(', ')}`);
    if (unknown.length > 0)
      this.#violated(`${method} has an entry for a claim not asked for: ${unknown.join(', ')}`);
  }

  #judge(claim: ClaimOfDriver, devices: readonly PreparedDevice[]): void {
    const answers = new Map<string, number>();
    for (const device of devices) {
      const label = `claim ${claim.namespace}/${claim.name}: device ${device.poolName}/${device.deviceName}`;
      const allocated = claim.results.filter(
        (result) => result.pool === device.poolName && result.device === device.deviceName,
      );
      if (allocated.length === 0) this.#violated(`${label} was not allocated to the claim`);
      const shares = allocated.flatMap(({ shareID }) => (shareID === undefined ? [] : [shareID]));
      if (this.#hasShareIds && shares.length > 0 && device.shareId === undefined) {
        this.#violated(`${label} is answered without share id; allocated are ${shares.join(', ')}`);
      }
      const key = [device.poolName, device.deviceName, device.shareId ?? ''].join('\0');
      const times = (answers.get(key) ?? 0) + 1;
      answers.set(key, times);
      // Without share ids on the wire, the shares of a device are answers that look alike.
      if (times > (this.#hasShareIds ? 1 : Math.max(1, shares.length)))
        this.#violated(`${label} is answered twice`);
      if (device.shareId !== undefined && !allocated.some(({ shareID }) => shareID === device.shareId)) {
        this.#violated(`${label} has share id ${device.shareId}, which the allocation does not have`);
      }
      const requests = new Set(allocated.map(({ request }) => request.split('/')[0]));
      for (const name of device.requestNames) {
        if (name.includes('/'))
          this.#violated(`${label} names subrequest '${name}'; the base name is wanted`);
        if (!requests.has(name))
          this.#violated(`${label} names request '${name}', for which it was not allocated`);
      }
      for (const id of device.cdiDeviceIds) {
        if (!cdiDevice.test(id))
          this.#violated(`${label} has CDI id '${id}', not of the form vendor/class=device`);
      }
      if (new Set(device.cdiDeviceIds).size < device.cdiDeviceIds.length) {
        this.#violated(`${label} has a CDI id twice: ${device.cdiDeviceIds.join(', ')}`);
      }
    }
  }

  #violated(violation: string): never {
    throw new DraProtocolError(this.driverName, violation);
  }
}
