import { namespaceIdentity } from '@patchbay/netlink';
import type { BackendRegistry } from '../backend/backend-registry.ts';
import type { AttachedDevice, AttachStrategy, PodSandbox } from '../backend/backend.ts';
import {
  AttachFailedError,
  describeError,
  DetachFailedError,
  DeviceNotFoundError,
  InterfaceConflictError,
} from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import type { AttachmentRecord, ClaimRecord, DeviceRecord } from './claim-record.ts';
import type { ContainerGate } from './container-gate.ts';
import type { KeyedMutex } from './keyed-mutex.ts';

/** A device of a claim and what attaching made of it. */
export interface AttachedClaimDevice {
  readonly record: DeviceRecord;
  readonly attached: AttachedDevice;
}

/** Hears how claims fare; called after the runtime's hook was answered, so that nothing it does delays a pod. */
export interface AttachmentObserver {
  /** All devices of the claim are in the sandbox. */
  claimAttached(record: ClaimRecord, sandbox: PodSandbox, devices: readonly AttachedClaimDevice[]): void;
  /** They are not, for the reason given. */
  claimAttachFailed(record: ClaimRecord, sandbox: PodSandbox, error: unknown): void;
  /** They are back, or gone with what they were made of. */
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
  readonly logger: Logger;
  /** Whether a sandbox's network namespace still exists; asks the kernel by default. */
  readonly isAlive?: (sandbox: PodSandbox) => boolean;
}

/** Brings all devices of a claim into a pod's sandbox and back, as one: a failed attach leaves nothing behind. */
export class ClaimAttacher {
  readonly #options: ClaimAttacherOptions;

  constructor(options: ClaimAttacherOptions) {
    this.#options = options;
  }

  /** Whether a sandbox's network namespace still exists. */
  isAlive(sandbox: PodSandbox): boolean {
    const { isAlive = ({ networkNamespacePath }) => namespaceIdentity(networkNamespacePath) !== undefined } =
      this.#options;
    return isAlive(sandbox);
  }

  /**
   * Attaches a prepared claim, or completes an attach that was cut off. Resolves when the devices are in the sandbox and the gate is open;
   * journal and observer learn of it after whoever waits has gone on. What is attached there already is left alone: what the pod has made
   * of its links since is the pod's.
   *
   * @throws AttachFailedError after undoing what was done; the message says so if the undoing failed as well
   * @throws InterfaceConflictError when the claim is in another pod
   */
  attach(claimUID: string, sandbox: PodSandbox, signal: AbortSignal): Promise<void> {
    const { claims, ledger, observer, logger } = this.#options;
    return new Promise((resolve, reject) => {
      const work = claims.run(claimUID, async () => {
        const record = ledger.get(claimUID);
        if (record === undefined) return resolve();
        try {
          const devices = await this.#attach(record, sandbox, signal);
          resolve();
          await answered();
          await this.#attached(claimUID, sandbox, devices);
        } catch (error) {
          reject(error);
          await answered();
          observer.claimAttachFailed(record, sandbox, error);
        }
      });
      work.catch((error: unknown) => {
        logger.error({ claimUID, error: describeError(error) }, 'reporting an attachment failed');
      });
    });
  }

  /**
   * Brings a claim's devices back from a pod. Succeeds when they are not there.
   *
   * @param only the sandbox to bring them back from; by default whichever the pod has
   * @throws DetachFailedError when a device could not be brought back; the record says `detaching` until a later try succeeds
   */
  async detach(
    claimUID: string,
    podUID: string,
    signal: AbortSignal,
    only?: { readonly sandboxId: string },
  ): Promise<void> {
    await this.#options.claims.run(claimUID, async () => {
      const attachment = findAttachment(this.#options.ledger.get(claimUID), podUID);
      // The runtime removes a pod's earlier sandbox while the next one runs.
      if (only !== undefined && attachment?.sandbox.sandboxId !== only.sandboxId) return;
      await this.detachLocked(claimUID, podUID, signal);
    });
  }

  /** {@link detach} for callers that hold the claim's lock already. */
  async detachLocked(claimUID: string, podUID: string, signal: AbortSignal): Promise<void> {
    const { ledger, gate, observer, logger } = this.#options;
    const record = ledger.get(claimUID);
    const attachment = findAttachment(record, podUID);
    if (record === undefined || attachment === undefined) return;
    const { sandbox } = attachment;
    gate.close(record.claim);
    await ledger.putAttachment(record, podUID, { phase: 'detaching', sandbox }).catch((error: unknown) => {
      // A record that still says 'attached' leads to the same detaching after a crash.
      logger.warn({ claimUID, error: describeError(error) }, 'detaching without a journal');
    });
    const failures = await this.#detachDevices(record.devices, sandbox, signal);
    if (failures.length > 0) {
      throw new DetachFailedError(
        `claim ${record.claim.namespace}/${record.claim.name} is still in pod ${sandbox.podNamespace}/${sandbox.podName}`,
        failures.length === 1 ? failures[0] : new AggregateError(failures),
      );
    }
    await ledger.putAttachment(ledger.get(claimUID) ?? record, podUID);
    observer.claimDetached(record, sandbox);
  }

  async #attach(
    original: ClaimRecord,
    sandbox: PodSandbox,
    signal: AbortSignal,
  ): Promise<readonly AttachedClaimDevice[]> {
    const { ledger, gate } = this.#options;
    const { uid } = original.claim;
    for (const other of original.attachments.filter((each) => each.sandbox.sandboxId !== sandbox.sandboxId)) {
      await this.#leave(original, other, sandbox, signal);
    }
    const record = ledger.get(uid) ?? original;
    const earlier = findAttachment(record, sandbox.podUID);
    // The gate opens when all is done: a crash after that leaves the record behind, not the work.
    if (earlier?.phase === 'attached' || (earlier?.phase === 'attaching' && gate.isOpen(record.claim))) {
      gate.open(record.claim);
      return [];
    }
    gate.close(record.claim);
    const attaching = await ledger.putAttachment(record, sandbox.podUID, { phase: 'attaching', sandbox });
    const attached: AttachedClaimDevice[] = [];
    for (const device of record.devices.filter(({ adminAccess }) => !adminAccess)) {
      try {
        attached.push({
          record: device,
          attached: await this.#strategy(device).attach(device.prepared, sandbox, signal),
        });
      } catch (error) {
        const touched = [...attached.map((done) => done.record), device];
        throw await this.#undo(attaching, touched, sandbox, error, signal);
      }
    }
    gate.open(record.claim);
    return attached;
  }

  /** Takes a claim out of another sandbox that it is recorded in: the pod's own earlier one, or one that is dead. */
  async #leave(
    record: ClaimRecord,
    other: AttachmentRecord,
    next: PodSandbox,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace, name, uid } = record.claim;
    if (other.sandbox.podUID !== next.podUID && this.isAlive(other.sandbox)) {
      throw new InterfaceConflictError(
        `claim ${namespace}/${name} is in pod ${other.sandbox.podNamespace}/${other.sandbox.podName}; a network device goes into one pod at a time, so give pod ${next.podNamespace}/${next.podName} a claim of its own, for instance from a ResourceClaimTemplate`,
      );
    }
    await this.detachLocked(uid, other.sandbox.podUID, signal);
  }

  async #attached(
    claimUID: string,
    sandbox: PodSandbox,
    devices: readonly AttachedClaimDevice[],
  ): Promise<void> {
    const { ledger, observer, logger } = this.#options;
    const record = ledger.get(claimUID);
    if (record === undefined) return;
    await ledger
      .putAttachment(record, sandbox.podUID, { phase: 'attached', sandbox })
      .catch((error: unknown) => {
        // The record goes on saying 'attaching', which the open gate makes good after a restart.
        logger.warn(
          { claimUID, error: describeError(error) },
          'the journal does not know yet that a claim is attached',
        );
      });
    observer.claimAttached(record, sandbox, devices);
  }

  async #undo(
    record: ClaimRecord,
    touched: readonly DeviceRecord[],
    sandbox: PodSandbox,
    cause: unknown,
    signal: AbortSignal,
  ): Promise<AttachFailedError> {
    const { ledger } = this.#options;
    const failing = touched.at(-1);
    const what = `cannot attach device ${failing?.device.name} (request '${failing?.request}') of claim ${record.claim.namespace}/${record.claim.name} to pod ${sandbox.podNamespace}/${sandbox.podName} as '${failing?.interfaceName}'`;
    const failures = await this.#detachDevices(touched, sandbox, signal);
    try {
      const left = failures.length === 0 ? undefined : ({ phase: 'detaching', sandbox } as const);
      await ledger.putAttachment(record, sandbox.podUID, left);
    } catch (error) {
      failures.push(error);
    }
    return new AttachFailedError(
      what,
      failures.length === 0 ? cause : new AggregateError([cause, ...failures], 'and undoing it failed too'),
    );
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
      throw new DeviceNotFoundError(
        device.name,
        `its backend '${kind}' is not enabled; enable it again in the driver's configuration so that the device can be brought back`,
      );
    }
    return backend.attach;
  }
}

function findAttachment(record: ClaimRecord | undefined, podUID: string): AttachmentRecord | undefined {
  return record?.attachments.find(({ sandbox }) => sandbox.podUID === podUID);
}

/** Lets whoever waits for an answer have it first: the answer is written in the event loop's current turn. */
function answered(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
