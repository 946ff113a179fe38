import { namespaceIdentity } from '@patchbay/netlink';
import type { BackendRegistry } from '../backend/backend-registry.ts';
import type { AttachStrategy, PodSandbox } from '../backend/backend.ts';
import {
  AttachFailedError,
  describeError,
  DetachFailedError,
  DeviceNotFoundError,
  InterfaceConflictError,
} from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { AttachedClaimDevice, AttachmentObserver } from './attachment-observer.ts';
import type { ClaimLedger } from './claim-ledger.ts';
import type { AttachmentRecord, ClaimRecord, DeviceRecord, FailureRecord } from './claim-record.ts';
import type { ContainerGate } from './container-gate.ts';
import type { ClaimLocks } from './claim-locks.ts';

/** What the {@link ClaimAttacher} works with. */
export interface ClaimAttacherOptions {
  readonly backends: BackendRegistry;
  readonly ledger: ClaimLedger;
  readonly gate: ContainerGate;
  /** Shared with the preparation of claims: a claim is worked on by one at a time. */
  readonly claims: ClaimLocks;
  readonly observer: AttachmentObserver;
  readonly logger: Logger;
  /** Whether a sandbox's network namespace still exists; asks the kernel by default. */
  readonly isAlive?: (sandbox: PodSandbox) => boolean;
}

/** Where devices are, or may be. */
type Whereabouts = Pick<AttachmentRecord, 'sandbox' | 'linkIndexes'>;

/** What was attached to a sandbox, of which it has come out whether it shares the claim. */
interface Attached {
  readonly sandbox: PodSandbox;
  readonly attached: readonly AttachedClaimDevice[];
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

  /** Says why a claim cannot be in two pods at a time; undefined when it can. */
  obstacleToSharing({ devices }: ClaimRecord): string | undefined {
    for (const device of devices.filter(({ adminAccess }) => !adminAccess)) {
      const strategy = this.#strategy(device);
      const obstacle =
        strategy.obstacleToSharing === undefined
          ? `device ${device.device.name} is a whole device`
          : strategy.obstacleToSharing(device.prepared);
      if (obstacle !== undefined) return obstacle;
    }
    return undefined;
  }

  /**
   * Attaches a prepared claim, or completes an attach that was cut off. Resolves when the devices are in the sandbox and the gate is open;
   * journal and observer learn of it after whoever waits has gone on. What is attached there already is left alone: what the pod has made
   * of its links since is the pod's.
   *
   * @throws AttachFailedError after undoing what was done; the message says so if the undoing failed as well
   * @throws InterfaceConflictError when the claim is in another pod and its devices cannot be in two
   */
  attach(claimUID: string, sandbox: PodSandbox, signal: AbortSignal): Promise<void> {
    const { claims, ledger, observer, logger } = this.#options;
    return new Promise((resolve, reject) => {
      const work = claims.run(claimUID, async () => {
        const record = ledger.get(claimUID);
        if (record === undefined) return resolve();
        let done: Attached;
        try {
          done = await this.#attach(record, sandbox, signal);
        } catch (error) {
          reject(error);
          await answered();
          this.#recordFailure(record, 'attaching', sandbox, error);
          return observer.claimAttachFailed(record, sandbox, error);
        }
        resolve();
        await answered();
        this.#attached(claimUID, done.sandbox, done.attached);
      });
      work.catch((error: unknown) => {
        // Also of what failed before the attaching began; whoever has an answer already does not hear of it.
        reject(error);
        logger.error({ claimUID, error: describeError(error) }, 'reporting an attachment failed');
      });
    });
  }

  /**
   * Attaches single devices again that a pod has lost. Those that it has are left alone, also when this fails.
   *
   * @param interfaceNames of the devices; does nothing when the claim is not attached to the sandbox any more
   * @throws AttachFailedError for the first device that cannot be attached
   */
  async restore(
    claimUID: string,
    sandbox: PodSandbox,
    interfaceNames: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { claims, ledger } = this.#options;
    await claims.run(claimUID, async () => {
      const record = ledger.get(claimUID);
      const attachment = findAttachment(record, sandbox.podUID);
      if (record === undefined || attachment?.phase !== 'attached') return;
      if (attachment.sandbox.sandboxId !== sandbox.sandboxId) return;
      const attached: AttachedClaimDevice[] = [];
      for (const device of record.devices) {
        if (device.adminAccess || !interfaceNames.includes(device.interfaceName)) continue;
        try {
          const result = await this.#strategy(device).attach(device.prepared, attachment.sandbox, signal);
          attached.push({ record: device, attached: result });
        } catch (error) {
          const failed = new AttachFailedError(failure(record, device, sandbox), error);
          this.#recordFailure(record, 'attaching', sandbox, failed);
          throw failed;
        }
      }
      this.#attached(claimUID, attachment.sandbox, attached);
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
    try {
      ledger.putAttachment(record, podUID, { ...attachment, phase: 'detaching' });
    } catch (error) {
      // A record that still says 'attached' leads to the same detaching after a crash, and to attaching anew by the closed gate.
      logger.warn({ claimUID, error: describeError(error) }, 'detaching without a journal');
    }
    const failures = await this.#detachDevices(record.devices, attachment, signal);
    if (failures.length > 0) {
      const error = new DetachFailedError(
        `claim ${record.claim.namespace}/${record.claim.name} is still in pod ${sandbox.podNamespace}/${sandbox.podName}`,
        failures.length === 1 ? failures[0] : new AggregateError(failures),
      );
      this.#recordFailure(record, 'detaching', sandbox, error);
      observer.claimDetachFailed(record, sandbox, error);
      throw error;
    }
    const remaining = ledger.putAttachment(ledger.get(claimUID) ?? record, podUID);
    this.#openGate(remaining);
    observer.claimDetached(remaining, sandbox);
  }

  async #attach(original: ClaimRecord, asked: PodSandbox, signal: AbortSignal): Promise<Attached> {
    const { ledger, gate } = this.#options;
    const { uid } = original.claim;
    let record = original;
    for (const other of original.attachments.filter((each) => each.sandbox.sandboxId !== asked.sandboxId)) {
      await this.#leave(original, other, asked, signal);
      record = ledger.get(uid) ?? original;
    }
    const earlier = findAttachment(record, asked.podUID);
    const shared = record.attachments.some((each) => each !== earlier);
    const sandbox =
      (earlier?.sandbox.shared ?? (earlier === undefined && shared)) ? { ...asked, shared: true } : asked;
    if (earlier !== undefined && this.#isComplete(record, earlier)) {
      this.#openGate(record, earlier);
      return { sandbox, attached: [] };
    }
    // A claim that is nowhere was made with its gate closed, or left its last pod so.
    const wasOpen = record.attachments.length > 0 && gate.isOpen(record.claim);
    if (wasOpen) gate.close(record.claim);
    // Of an attachment that was there already, links may be anywhere and anyhow.
    const whereabouts = { ...earlier, sandbox };
    const attaching = this.#begin(record, whereabouts, wasOpen);
    const devices = record.devices.filter(({ adminAccess }) => !adminAccess);
    const attempts = devices.map((device) => this.#attachDevice(device, sandbox, signal));
    const results = await Promise.allSettled(attempts);
    for (const [index, result] of results.entries()) {
      if (result.status === 'rejected')
        throw await this.#undo(attaching, devices[index], whereabouts, result.reason, signal);
    }
    const attached = await Promise.all(attempts);
    if (shared) {
      this.#openGate(ledger.putAttachment(attaching, sandbox.podUID, { ...whereabouts, phase: 'attached' }));
    } else gate.open(record.claim);
    return { sandbox, attached };
  }

  async #attachDevice(
    record: DeviceRecord,
    sandbox: PodSandbox,
    signal: AbortSignal,
  ): Promise<AttachedClaimDevice> {
    return { record, attached: await this.#strategy(record).attach(record.prepared, sandbox, signal) };
  }

  /**
   * Whether an attachment is wholly there. The gate opens when all is done and closes before anything is undone: a crash, or a journal that
   * cannot be written, leaves the record behind, not the gate. With several pods the gate cannot tell of whom.
   */
  #isComplete(record: ClaimRecord, { phase, sandbox }: AttachmentRecord): boolean {
    const others = record.attachments.filter((each) => each.sandbox.podUID !== sandbox.podUID);
    if (phase === 'attached')
      return this.#options.gate.isOpen(record.claim) || others.some((each) => each.phase !== 'attached');
    return phase === 'attaching' && others.length === 0 && this.#options.gate.isOpen(record.claim);
  }

  #begin(record: ClaimRecord, whereabouts: Whereabouts, wasOpen: boolean): ClaimRecord {
    const { podUID } = whereabouts.sandbox;
    try {
      return this.#options.ledger.putAttachment(record, podUID, { ...whereabouts, phase: 'attaching' });
    } catch (error) {
      // A gate that was closed says that what is recorded as attached may not be so.
      if (wasOpen) this.#options.gate.open(record.claim);
      throw error;
    }
  }

  /** Opens the gate if the claim is in a pod, and wholly in each that it is in; `done` counts as such. */
  #openGate({ claim, attachments }: ClaimRecord, done?: AttachmentRecord): void {
    if (attachments.length === 0) return;
    if (attachments.every((each) => each === done || each.phase === 'attached')) {
      this.#options.gate.open(claim);
    }
  }

  /**
   * Takes a claim out of another sandbox that it is recorded in: the pod's own earlier one, or one that is dead. In another pod's that is
   * alive it stays, where its devices can be in several.
   */
  async #leave(
    record: ClaimRecord,
    other: AttachmentRecord,
    next: PodSandbox,
    signal: AbortSignal,
  ): Promise<void> {
    const { namespace, name, uid } = record.claim;
    if (other.sandbox.podUID !== next.podUID && this.isAlive(other.sandbox)) {
      const obstacle = this.obstacleToSharing(record);
      if (obstacle === undefined) return;
      throw new InterfaceConflictError(
        `claim ${namespace}/${name} is in pod ${other.sandbox.podNamespace}/${other.sandbox.podName} and cannot be in two: ${obstacle}; give pod ${next.podNamespace}/${next.podName} a claim of its own, for instance from a ResourceClaimTemplate`,
      );
    }
    await this.detachLocked(uid, other.sandbox.podUID, signal);
  }

  #attached(claimUID: string, sandbox: PodSandbox, devices: readonly AttachedClaimDevice[]): void {
    const { ledger, observer, logger } = this.#options;
    const record = ledger.get(claimUID);
    if (record === undefined) return;
    let known = record;
    try {
      const { phase, linkIndexes } = findAttachment(record, sandbox.podUID) ?? {};
      if (phase !== 'attached' || devices.length > 0) {
        const attachment = { sandbox, linkIndexes: { ...linkIndexes, ...indexesOf(devices) } };
        known = ledger.putAttachment(record, sandbox.podUID, { phase: 'attached', ...attachment });
      }
    } catch (error) {
      // The record goes on saying 'attaching', which the open gate makes good after a restart.
      logger.warn(
        { claimUID, error: describeError(error) },
        'the journal does not know yet that a claim is attached',
      );
    }
    observer.claimAttached(known, sandbox, devices);
  }

  /** For whoever asks the node why a pod does not start; nothing depends on it. */
  #recordFailure(
    { claim }: ClaimRecord,
    doing: FailureRecord['doing'],
    { podNamespace, podName, podUID }: PodSandbox,
    error: unknown,
  ): void {
    const pod = { namespace: podNamespace, name: podName, uid: podUID };
    try {
      this.#options.ledger.putFailure(claim.uid, {
        doing,
        pod,
        at: Date.now(),
        message: describeError(error),
      });
    } catch (journalError) {
      const fields = { claimUID: claim.uid, error: describeError(journalError) };
      this.#options.logger.warn(fields, `the journal does not know why ${doing} failed`);
    }
  }

  async #undo(
    record: ClaimRecord,
    failed: DeviceRecord | undefined,
    whereabouts: Whereabouts,
    cause: unknown,
    signal: AbortSignal,
  ): Promise<AttachFailedError> {
    const { ledger } = this.#options;
    const { sandbox } = whereabouts;
    const failures = await this.#detachDevices(record.devices, whereabouts, signal);
    try {
      const left = failures.length === 0 ? undefined : ({ ...whereabouts, phase: 'detaching' } as const);
      // The pods that had the claim before have it still.
      this.#openGate(ledger.putAttachment(record, sandbox.podUID, left));
    } catch (error) {
      failures.push(error);
    }
    return new AttachFailedError(
      failure(record, failed, sandbox),
      failures.length === 0 ? cause : new AggregateError([cause, ...failures], 'and undoing it failed too'),
    );
  }

  async #detachDevices(
    devices: readonly DeviceRecord[],
    { sandbox, linkIndexes }: Whereabouts,
    signal: AbortSignal,
  ): Promise<unknown[]> {
    const failures: unknown[] = [];
    for (const device of devices.toReversed()) {
      if (device.adminAccess) continue;
      try {
        const there = { ...sandbox, linkIndex: linkIndexes?.[device.interfaceName] };
        await this.#strategy(device).detach(device.prepared, there, signal);
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

function failure({ claim }: ClaimRecord, device: DeviceRecord | undefined, sandbox: PodSandbox): string {
  return `cannot attach device ${device?.device.name} (request '${device?.request}') of claim ${claim.namespace}/${claim.name} to pod ${sandbox.podNamespace}/${sandbox.podName} as '${device?.interfaceName}'`;
}

function indexesOf(devices: readonly AttachedClaimDevice[]): Record<string, number> {
  return Object.fromEntries(
    devices.flatMap(({ record: { interfaceName }, attached: { linkIndex } }) =>
      linkIndex === undefined ? [] : [[interfaceName, linkIndex]],
    ),
  );
}

function findAttachment(record: ClaimRecord | undefined, podUID: string): AttachmentRecord | undefined {
  return record?.attachments.find(({ sandbox }) => sandbox.podUID === podUID);
}

/** Lets whoever waits for an answer have it first: the answer is written in the event loop's current turn. */
function answered(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
