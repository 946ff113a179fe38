import type { BackendRegistry } from '../backend/backend-registry.ts';
import type { AttachedDevice, AttachStrategy, PodSandbox } from '../backend/backend.ts';
import { AttachFailedError, DetachFailedError, DeviceNotFoundError } from '../errors/driver-errors.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import type { ClaimRecord, DeviceRecord } from './claim-record.ts';
import type { ContainerGate } from './container-gate.ts';
import type { KeyedMutex } from './keyed-mutex.ts';

/** A device of a claim and what attaching made of it. */
export interface AttachedClaimDevice {
  readonly record: DeviceRecord;
  readonly attached: AttachedDevice;
}

/** Hears how claims fare; called after the runtime's hook was answered, so that nothing it does delays a pod. */
export interface AttachmentObserver {
  claimAttached(record: ClaimRecord, sandbox: PodSandbox, devices: readonly AttachedClaimDevice[]): void;
  claimAttachFailed(record: ClaimRecord, sandbox: PodSandbox, error: unknown): void;
  claimDetached(record: ClaimRecord, sandbox: PodSandbox): void;
}

/** What the {@link ClaimAttacher} works with. */
export interface ClaimAttacherOptions {
  readonly backends: BackendRegistry;
  readonly ledger: ClaimLedger;
  readonly gate: ContainerGate;
  /** Shared with the preparation of claims: a claim is worked on by one at a time. */
  readonly claims: KeyedMutex;
  readonly observer: AttachmentObserver;
}

/** Brings all devices of a claim into a pod's sandbox and back, as one: a failed attach leaves nothing behind. */
export class ClaimAttacher {
  readonly #options: ClaimAttacherOptions;

  constructor(options: ClaimAttacherOptions) {
    this.#options = options;
  }

  /**
   * Attaches a prepared claim. Resolves when the devices are in the sandbox and the gate is open; the journal learns of it a moment later.
   * When the claim is recorded as attached there already, `verify` decides whether it is attached again, which completes what is missing.
   *
   * @throws AttachFailedError after undoing what was done; the message says so if the undoing failed as well
   */
  attach(
    claimUID: string,
    sandbox: PodSandbox,
    options: { signal: AbortSignal; verify?: boolean },
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      void this.#options.claims.run(claimUID, async () => {
        const record = this.#options.ledger.get(claimUID);
        if (record === undefined) return resolve();
        try {
          const devices = await this.#attach(record, sandbox, options);
          resolve();
          if (devices) await this.#attached(record, sandbox, devices);
        } catch (error) {
          reject(error);
          this.#options.observer.claimAttachFailed(record, sandbox, error);
        }
      });
    });
  }

  /**
   * Brings a claim's devices back from a pod. Succeeds when they are not there.
   *
   * @throws DetachFailedError when a device could not be brought back; the record says `detaching` until a later try succeeds
   */
  async detach(claimUID: string, podUID: string, signal: AbortSignal): Promise<void> {
    await this.#options.claims.run(claimUID, () => this.detachLocked(claimUID, podUID, signal));
  }

  /** {@link detach} for callers that hold the claim's lock already. */
  async detachLocked(claimUID: string, podUID: string, signal: AbortSignal): Promise<void> {
    const { ledger, gate, observer } = this.#options;
    const record = ledger.get(claimUID);
    const attachment = record?.attachments.find(({ sandbox }) => sandbox.podUID === podUID);
    if (record === undefined || attachment === undefined) return;
    const { sandbox } = attachment;
    const detaching = await ledger.putAttachment(record, podUID, { phase: 'detaching', sandbox });
    if (!detaching.attachments.some(({ phase }) => phase === 'attached')) gate.close(record.claim);
    const failures = await this.#detachDevices(record.devices, sandbox, signal);
    if (failures.length > 0) {
      throw new DetachFailedError(
        `claim ${record.claim.namespace}/${record.claim.name} is still in pod ${sandbox.podNamespace}/${sandbox.podName}`,
        failures.length === 1 ? failures[0] : new AggregateError(failures),
      );
    }
    await ledger.putAttachment(detaching, podUID);
    observer.claimDetached(record, sandbox);
  }

  async #attach(
    original: ClaimRecord,
    sandbox: PodSandbox,
    { signal, verify }: { readonly signal: AbortSignal; readonly verify?: boolean },
  ): Promise<readonly AttachedClaimDevice[] | undefined> {
    const { ledger, gate } = this.#options;
    let record = original;
    const earlier = record.attachments.find((attachment) => attachment.sandbox.podUID === sandbox.podUID);
    if (earlier !== undefined && earlier.sandbox.sandboxId !== sandbox.sandboxId) {
      await this.detachLocked(record.claim.uid, sandbox.podUID, signal);
      record = ledger.get(record.claim.uid) ?? record;
    } else if (earlier?.phase === 'attached' && verify !== true) {
      return undefined;
    }
    if (earlier?.phase !== 'attached') {
      record = await ledger.putAttachment(record, sandbox.podUID, { phase: 'attaching', sandbox });
    }
    const attached: AttachedClaimDevice[] = [];
    for (const device of record.devices.filter(({ adminAccess }) => !adminAccess)) {
      try {
        attached.push({
          record: device,
          attached: await this.#strategy(device).attach(device.prepared, sandbox, signal),
        });
      } catch (error) {
        const touched = [...attached.map((done) => done.record), device];
        throw await this.#undo(record, touched, sandbox, error, signal);
      }
    }
    gate.open(record.claim);
    return attached;
  }

  async #attached(
    original: ClaimRecord,
    sandbox: PodSandbox,
    devices: readonly AttachedClaimDevice[],
  ): Promise<void> {
    const { ledger, observer } = this.#options;
    const record = ledger.get(original.claim.uid) ?? original;
    // Should this write fail, the record goes on saying 'attaching', which a restart repairs by attaching again.
    await ledger.putAttachment(record, sandbox.podUID, { phase: 'attached', sandbox }).catch(() => {});
    observer.claimAttached(record, sandbox, devices);
  }

  async #undo(
    record: ClaimRecord,
    touched: readonly DeviceRecord[],
    sandbox: PodSandbox,
    cause: unknown,
    signal: AbortSignal,
  ): Promise<AttachFailedError> {
    const { ledger, gate } = this.#options;
    gate.close(record.claim);
    const failing = touched.at(-1);
    const what = `cannot attach device ${failing?.device.name} (request '${failing?.request}') of claim ${record.claim.namespace}/${record.claim.name} to pod ${sandbox.podNamespace}/${sandbox.podName} as '${failing?.interfaceName}'`;
    const failures = await this.#detachDevices(touched, sandbox, signal);
    if (failures.length === 0) {
      await ledger.putAttachment(record, sandbox.podUID);
      return new AttachFailedError(what, cause);
    }
    await ledger.putAttachment(record, sandbox.podUID, { phase: 'detaching', sandbox });
    return new AttachFailedError(what, new AggregateError([cause, ...failures], 'and undoing it failed too'));
  }

  async #detachDevices(
    devices: readonly DeviceRecord[],
    sandbox: PodSandbox,
    signal: AbortSignal,
  ): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const device of devices.toReversed()) {
      if (device.adminAccess) continue;
      try {
        await this.#strategy(device).detach(device.prepared, sandbox, signal);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  #strategy({ kind, device }: DeviceRecord): AttachStrategy {
    const backend = this.#options.backends.get(kind);
    if (backend === undefined) {
      throw new DeviceNotFoundError(device.name, `its backend '${kind}' is not enabled in the configuration`);
    }
    return backend.attach;
  }
}
