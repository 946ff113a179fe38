import type {
  AllocatedClaim,
  AllocatedDevice,
  CdiDevice,
  ClaimReference,
  DeviceMetadata,
  DraDriver,
  PreparedDevice,
  RequestMetadataMount,
} from '@patchbay/dra';
import { type ClaimAddresses, noAddresses } from '../addresses/claim-addresses.ts';
import type { BackendRegistry } from '../backend/backend-registry.ts';
import type { Backend, DeviceRequest } from '../backend/backend.ts';
import type { Device } from '../backend/device.ts';
import { DeviceNotFoundError, InterfaceConflictError } from '../errors/driver-errors.ts';
import type { InterfaceParameters } from '../interfaces/interface-parameters.ts';
import { kindOfPool } from '../inventory/device-pools.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { slotInterfaceName } from '../inventory/shared-devices.ts';
import type { Logger } from '../logging/logger.ts';
import type { AttachmentObserver } from './attachment-observer.ts';
import type { ClaimAttacher } from './claim-attacher.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import type { ClaimLocks } from './claim-locks.ts';
import { type ClaimRecord, type DeviceRecord, recordVersion } from './claim-record.ts';
import type { ContainerGate } from './container-gate.ts';
import { assertSameDevices } from './same-devices.ts';

/** Stores the CDI specs of prepared claims. */
export interface ClaimCdiSpecs {
  /** Makes the claim's spec what is given; returns the devices' qualified names in their order. */
  write(
    claimUID: string,
    devices: readonly CdiDevice[],
    edits: CdiDevice['containerEdits'],
  ): Promise<readonly string[]>;
  remove(claimUID: string): Promise<void>;
}

/** Stores what containers can read about the devices of prepared claims. */
export interface ClaimMetadata {
  /** Makes the claim's files say what is given; returns how each request's containers get them. */
  write(claim: AllocatedClaim, devices: readonly DeviceMetadata[]): Promise<readonly RequestMetadataMount[]>;
  remove(claimUID: string): Promise<void>;
}

/** What the {@link ClaimPreparer} works with. */
export interface ClaimPreparerOptions {
  readonly nodeName: string;
  /** Identifies the running boot: `/proc/sys/kernel/random/boot_id`. */
  readonly bootId: string;
  readonly backends: BackendRegistry;
  readonly inventory: Inventory;
  readonly parameters: InterfaceParameters;
  readonly ledger: ClaimLedger;
  readonly attacher: ClaimAttacher;
  readonly gate: ContainerGate;
  readonly cdi: ClaimCdiSpecs;
  readonly metadata: ClaimMetadata;
  readonly observer: Pick<AttachmentObserver, 'claimPrepareFailed'>;
  /** Shared with the {@link ClaimAttacher}: a claim is worked on by one at a time. */
  readonly claims: ClaimLocks;
  /** Addresses from ranges and DHCP servers; by default what asks for them is refused. */
  readonly addresses?: Pick<ClaimAddresses, 'assign' | 'heldBy' | 'settle' | 'release'>;
  readonly logger: Logger;
}

/** Prepares and unprepares claims for the kubelet: all slow work, all refusals, and the record from which the hooks work. */
export class ClaimPreparer implements DraDriver {
  readonly #options: ClaimPreparerOptions;

  constructor(options: ClaimPreparerOptions) {
    this.#options = options;
  }

  /** See {@link DraDriver.prepareClaim}. */
  async prepareClaim(claim: AllocatedClaim, signal: AbortSignal): Promise<PreparedDevice[]> {
    const { claims } = this.#options;
    // Claims of one pod one after the other: each must see the interface names of the others. Sorted, so that no two wait for each other.
    const pods = [...new Set(podUIDs(claim))].sort();
    const work = pods.reduce(
      (inner, podUID) => () => claims.run(`pod ${podUID}`, inner),
      () => this.#prepareAlone(claim, signal),
    );
    return work();
  }

  #prepareAlone(claim: AllocatedClaim, signal: AbortSignal): Promise<PreparedDevice[]> {
    return this.#options.claims.run(claim.uid, async () => {
      const known = this.#options.ledger.get(claim.uid);
      if (known !== undefined) assertSameDevices(known, claim);
      try {
        const record = known ? this.#reserve(known, claim) : await this.#prepare(claim, signal);
        return await this.#answer(record, claim);
      } catch (error) {
        // In the pods that have it the claim goes on working.
        if (!known?.attachments.length) this.#options.observer.claimPrepareFailed(claim, error);
        throw error;
      }
    });
  }

  /** See {@link DraDriver.unprepareClaim}. */
  async unprepareClaim(claim: ClaimReference, signal: AbortSignal): Promise<void> {
    const { ledger, gate, cdi, metadata, attacher, inventory, claims, logger } = this.#options;
    await claims.run(claim.uid, async () => {
      const failures: unknown[] = [];
      // One pod that does not give its devices back must not keep the others from it.
      for (const { sandbox } of ledger.get(claim.uid)?.attachments ?? []) {
        await attacher
          .detachLocked(claim.uid, sandbox.podUID, signal)
          .catch((error: unknown) => failures.push(error));
      }
      if (failures.length > 0) throw failures.length === 1 ? failures[0] : new AggregateError(failures);
      const record = ledger.get(claim.uid);
      if (record) {
        await this.#unprepareDevices(record.devices, signal);
        gate.forget(record.claim);
      }
      await cdi.remove(claim.uid);
      await metadata.remove(claim.uid);
      if (record === undefined) return;
      ledger.remove(claim.uid);
      inventory.invalidate();
      logger.info({ claimUID: claim.uid, claim: `${claim.namespace}/${claim.name}` }, 'claim unprepared');
    });
  }

  /** See {@link DraDriver.isPrepared}. */
  async isPrepared(claimUID: string): Promise<boolean> {
    return this.#options.ledger.get(claimUID) !== undefined;
  }

  async #prepare(claim: AllocatedClaim, signal: AbortSignal): Promise<ClaimRecord> {
    const { ledger, inventory, logger, bootId } = this.#options;
    const devices: DeviceRecord[] = [];
    try {
      for (const allocated of claim.devices) {
        devices.push(await this.#prepareDevice(claim, allocated, devices, signal));
      }
      this.#makeReady(devices);
      const record: ClaimRecord = {
        version: recordVersion,
        bootId,
        claim: { uid: claim.uid, namespace: claim.namespace, name: claim.name },
        ...(claim.podClaimName ? { podClaimName: claim.podClaimName } : {}),
        preparedAt: Date.now(),
        podUIDs: podUIDs(claim),
        devices,
        attachments: [],
      };
      ledger.put(record);
      inventory.invalidate();
      logger.info(
        {
          claimUID: claim.uid,
          claim: `${claim.namespace}/${claim.name}`,
          devices: devices.map(({ kind, device, interfaceName }) => ({
            kind,
            device: device.name,
            interfaceName,
          })),
        },
        'claim prepared',
      );
      return record;
    } catch (error) {
      try {
        await this.#unprepareDevices(devices, signal);
      } catch (undoError) {
        throw new AggregateError([error, undoError], 'preparing failed, and undoing it failed too');
      }
      throw error;
    } finally {
      this.#addresses.settle(claim.uid);
    }
  }

  async #prepareDevice(
    claim: AllocatedClaim,
    allocated: AllocatedDevice,
    earlier: readonly DeviceRecord[],
    signal: AbortSignal,
  ): Promise<DeviceRecord> {
    const { kind, backend, device } = await this.#find(allocated);
    const { interface: asked, section } = this.#options.parameters.resolve(
      allocated.configs,
      kind,
      this.#defaultInterfaceName(claim, device, earlier),
    );
    const { request: name, shareId, adminAccess } = allocated;
    if (!adminAccess) this.#assertNameIsFree(claim, name, asked.name, earlier);
    // A claim with adminAccess sees the device and must not touch it.
    const { setup, held } = adminAccess
      ? { setup: asked, held: [] }
      : this.#addresses.assign(asked, { claimUID: claim.uid, request: name, shareId });
    const request = { claim, request: name, shareId, device, interface: setup, parameters: section };
    const prepared = adminAccess ? {} : await this.#prepareBy(backend, request, signal);
    return {
      kind,
      pool: allocated.pool,
      device: device as unknown as DeviceRecord['device'],
      request: allocated.request,
      ...(allocated.shareId === undefined ? {} : { shareId: allocated.shareId }),
      adminAccess: allocated.adminAccess,
      interfaceName: setup.name,
      // The hooks of a later process see what JSON leaves of it, so those of this one do too.
      prepared: JSON.parse(JSON.stringify(prepared)),
      ...(JSON.parse(JSON.stringify(this.#addresses.heldBy(request, held))) as Pick<
        DeviceRecord,
        'addresses' | 'leases'
      >),
    };
  }

  #makeReady(devices: readonly DeviceRecord[]): void {
    for (const { kind, prepared, adminAccess } of devices) {
      if (!adminAccess) this.#options.backends.get(kind)?.attach.makeReady?.(prepared);
    }
  }

  async #prepareBy(
    { attach }: Backend,
    request: DeviceRequest,
    signal: AbortSignal,
  ): Promise<DeviceRecord['prepared']> {
    try {
      return await attach.prepare(request, signal);
    } catch (error) {
      await this.#addresses.release([this.#addresses.heldBy(request, [])]);
      throw error;
    }
  }

  get #addresses(): NonNullable<ClaimPreparerOptions['addresses']> {
    return this.#options.addresses ?? noAddresses;
  }

  async #find(allocated: AllocatedDevice): Promise<{ kind: string; backend: Backend; device: Device }> {
    const { nodeName, backends, inventory } = this.#options;
    const kind = kindOfPool(nodeName, allocated.pool);
    if (kind === undefined) {
      throw new DeviceNotFoundError(
        allocated.device,
        `its pool '${allocated.pool}' is not of node '${nodeName}'`,
      );
    }
    const backend = backends.get(kind);
    if (backend === undefined) {
      throw new DeviceNotFoundError(
        allocated.device,
        `backend '${kind}' is not enabled (enabled: ${backends.kinds.join(', ')}); add it to the driver's configuration`,
      );
    }
    if (inventory.device(kind, allocated.device) === undefined) await inventory.refresh();
    const device = inventory.device(kind, allocated.device);
    if (device === undefined) {
      throw new DeviceNotFoundError(
        allocated.device,
        `backend '${kind}' does not find it; it was removed, renamed or is in use by the node since it was allocated`,
      );
    }
    return { kind, backend, device };
  }

  /** The device's own name for its interface; of a device that several may have, the first of its names that the pod has no other for. */
  #defaultInterfaceName(claim: AllocatedClaim, device: Device, earlier: readonly DeviceRecord[]): string {
    if (device.allowMultipleAllocations !== true) return device.interfaceName ?? device.name;
    const taken = new Set(
      [...earlier, ...this.#othersOfPods(claim).flatMap(({ devices }) => devices)].map(
        (each) => each.interfaceName,
      ),
    );
    let slot = 0;
    while (taken.has(slotInterfaceName(device, slot))) slot++;
    return slotInterfaceName(device, slot);
  }

  /** The other prepared claims of the pods that have a claim. */
  #othersOfPods(claim: AllocatedClaim): ClaimRecord[] {
    return podUIDs(claim)
      .flatMap((podUID) => this.#options.ledger.ofPod(podUID))
      .filter((record) => record.claim.uid !== claim.uid);
  }

  #assertNameIsFree(
    claim: AllocatedClaim,
    request: string,
    name: string,
    earlier: readonly DeviceRecord[],
  ): void {
    const twin = earlier.find((device) => device.interfaceName === name && !device.adminAccess);
    if (twin !== undefined) {
      throw new InterfaceConflictError(
        twin.request === request
          ? `request '${request}' has several devices, which would all get the interface '${name}'; leave interface.name out, or make a request for each`
          : `requests '${twin.request}' and '${request}' both get an interface '${name}'; give each its own interface.name`,
      );
    }
    for (const record of this.#othersOfPods(claim)) {
      if (record.devices.some((device) => device.interfaceName === name && !device.adminAccess)) {
        throw new InterfaceConflictError(
          `interface name '${name}' of request '${request}' is taken by claim ${record.claim.namespace}/${record.claim.name} of the same pod; give it another interface.name`,
        );
      }
    }
  }

  /** A prepared claim may since have been reserved for more pods. */
  #reserve(record: ClaimRecord, claim: AllocatedClaim): ClaimRecord {
    const added = podUIDs(claim).filter((podUID) => !record.podUIDs.includes(podUID));
    if (added.length === 0) return record;
    for (const { request, interfaceName, adminAccess } of record.devices) {
      if (!adminAccess) this.#assertNameIsFree(claim, request, interfaceName, []);
    }
    const changed = { ...record, podUIDs: [...record.podUIDs, ...added] };
    this.#options.ledger.put(changed);
    return changed;
  }

  /** Writes the claim's CDI spec, again if it was lost, and tells the kubelet what to give to containers. */
  async #answer(record: ClaimRecord, claim: AllocatedClaim): Promise<PreparedDevice[]> {
    const { cdi, gate, metadata } = this.#options;
    if (record.attachments.length === 0) gate.make(record.claim);
    const mounts = new Map(
      (await metadata.write(claim, record.devices.map(deviceMetadata))).map(({ request, mount }) => [
        request,
        mount,
      ]),
    );
    const ids = await cdi.write(
      record.claim.uid,
      record.devices.map((device, index) => {
        const request = baseRequest(device.request);
        const first = record.devices.findIndex((each) => baseRequest(each.request) === request) === index;
        const mount = first ? mounts.get(request) : undefined;
        return {
          name: String(index),
          containerEdits: {
            env: [`${environmentName(device.request)}=${device.interfaceName}`],
            ...(mount === undefined ? {} : { mounts: [mount] }),
          },
        };
      }),
      { mounts: gate.mounts(record) },
    );
    return claim.devices.map((allocated, index) => ({
      requestNames: [baseRequest(allocated.request)],
      poolName: allocated.pool,
      deviceName: allocated.device,
      cdiDeviceIds: ids.slice(index, index + 1),
      ...(allocated.shareId === undefined ? {} : { shareId: allocated.shareId }),
    }));
  }

  async #unprepareDevices(devices: readonly DeviceRecord[], signal: AbortSignal): Promise<void> {
    for (const { kind, device, prepared, adminAccess } of devices.toReversed()) {
      if (adminAccess) continue;
      const backend = this.#options.backends.get(kind);
      if (backend === undefined) {
        throw new DeviceNotFoundError(
          device.name,
          `its backend '${kind}' is not enabled; enable it again in the driver's configuration so that the claim can be unprepared`,
        );
      }
      await backend.attach.unprepare(prepared, signal);
    }
    await this.#addresses.release(devices);
  }
}

function deviceMetadata({ request, pool, device, shareId }: DeviceRecord): DeviceMetadata {
  const { name, attributes } = device as unknown as Device;
  return { request, pool, device: name, attributes, ...(shareId === undefined ? {} : { shareId }) };
}

function podUIDs(claim: AllocatedClaim): string[] {
  return claim.reservedFor.filter(({ resource }) => resource === 'pods').map(({ uid }) => uid);
}

function baseRequest(request: string): string {
  return request.split('/')[0] ?? request;
}

/** `PATCHBAY_INTERFACE_` and the request's name in capitals, with an underscore for what a variable's name cannot have. */
function environmentName(request: string): string {
  return `PATCHBAY_INTERFACE_${baseRequest(request)
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '_')}`;
}
