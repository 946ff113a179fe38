import type { BackendRegistry } from '../../backend/backend-registry.ts';
import type { DevicePlace, PodSandbox } from '../../backend/backend.ts';
import { describeError } from '../../errors/driver-errors.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ClaimAttacher } from '../claim-attacher.ts';
import { type ClaimLedger, inOrderOfAttaching } from '../claim-ledger.ts';
import type { AttachmentRecord, ClaimRecord, DeviceRecord } from '../claim-record.ts';
import type { ContainerGate } from '../container-gate.ts';
import type { AttachmentState, ClaimState, Leftover, NodeState, RunningSandboxes } from './node-state.ts';

/** Knows how links in pods are without asking the kernel. */
export interface KnownLinks {
  /** Whether the device's link is known to be in the sandbox now. */
  isPresent(record: ClaimRecord, device: DeviceRecord, sandbox: PodSandbox): boolean;
  /** Takes up a claim whose links are there after all. */
  found(record: ClaimRecord, sandbox: PodSandbox): void;
}

/** Finds things of the driver that no claim accounts for. */
export interface LeftoverSource {
  leftovers(): Promise<readonly Leftover[]>;
}

/** What a {@link NodeInspector} looks at. */
export interface NodeInspectorOptions {
  readonly ledger: ClaimLedger;
  readonly attacher: Pick<ClaimAttacher, 'isAlive' | 'obstacleToSharing'>;
  readonly gate: ContainerGate;
  readonly backends: BackendRegistry;
  readonly sources: readonly LeftoverSource[];
  /** What the runtime runs; undefined when it is not connected. */
  readonly runtime: () => RunningSandboxes | undefined;
  /** Without it the kernel is asked for each device. */
  readonly links?: KnownLinks;
  readonly logger: Logger;
}

/** Finds out how journal, kernel and runtime are. Cheap where nothing has changed: it enters only pods of whose links nothing is known. */
export class NodeInspector {
  readonly #options: NodeInspectorOptions;

  constructor(options: NodeInspectorOptions) {
    this.#options = options;
  }

  /** Looks at everything. What cannot be looked at is logged and left out. */
  async inspect(signal: AbortSignal): Promise<NodeState> {
    const { ledger, attacher, runtime } = this.#options;
    // Leftovers first: whatever was made before has a record by now, or never.
    const leftovers = await this.#leftovers(signal);
    const known = runtime();
    const claims: ClaimState[] = [];
    for (const record of ledger.all().toSorted(inOrderOfAttaching)) {
      claims.push(await this.#claim(record, signal));
    }
    return {
      claims,
      runtime: known && { ...known, sandboxes: known.sandboxes.filter((each) => attacher.isAlive(each)) },
      leftovers,
    };
  }

  async #claim(record: ClaimRecord, signal: AbortSignal): Promise<ClaimState> {
    const attachments: AttachmentState[] = [];
    for (const each of record.attachments) attachments.push(await this.#attachment(record, each, signal));
    return {
      record,
      attachments,
      gateOpen: this.#options.gate.isOpen(record.claim),
      shareable: this.#isShareable(record),
    };
  }

  async #attachment(
    record: ClaimRecord,
    attachment: AttachmentRecord,
    signal: AbortSignal,
  ): Promise<AttachmentState> {
    const { sandbox, phase } = attachment;
    const alive = this.#options.attacher.isAlive(sandbox);
    const astray = new Map<string, Exclude<DevicePlace, 'pod'>>();
    if (alive && phase === 'attached') {
      for (const device of record.devices.filter(({ adminAccess }) => !adminAccess)) {
        const place = await this.#place(record, device, attachment, signal);
        if (place !== undefined && place !== 'pod') astray.set(device.interfaceName, place);
      }
    }
    return { record: attachment, alive, astray };
  }

  async #place(
    record: ClaimRecord,
    device: DeviceRecord,
    { sandbox, linkIndexes }: AttachmentRecord,
    signal: AbortSignal,
  ): Promise<DevicePlace | undefined> {
    const { links, backends, logger } = this.#options;
    if (links?.isPresent(record, device, sandbox)) return 'pod';
    const strategy = backends.get(device.kind)?.attach;
    if (strategy?.locate === undefined) return undefined;
    try {
      const there = { ...sandbox, linkIndex: linkIndexes?.[device.interfaceName] };
      const place = await strategy.locate(device.prepared, there, signal);
      if (place === 'pod') links?.found(record, sandbox);
      return place;
    } catch (error) {
      const fields = { claimUID: record.claim.uid, podUID: sandbox.podUID, device: device.device.name };
      logger.warn({ ...fields, error: describeError(error) }, 'cannot find out where a device is');
      return undefined;
    }
  }

  #isShareable(record: ClaimRecord): boolean {
    try {
      return this.#options.attacher.obstacleToSharing(record) === undefined;
    } catch {
      // Its backend is not enabled.
      return false;
    }
  }

  async #leftovers(signal: AbortSignal): Promise<Leftover[]> {
    const found: Leftover[] = [];
    for (const source of [...this.#options.sources, ...this.#backendSources(signal)]) {
      try {
        found.push(...(await source.leftovers()));
      } catch (error) {
        this.#options.logger.warn(
          { error: describeError(error) },
          'cannot find out what was left of earlier runs',
        );
      }
    }
    return found;
  }

  #backendSources(signal: AbortSignal): LeftoverSource[] {
    const { backends, ledger, runtime } = this.#options;
    // What links the claims of a newer instance have, only that one can tell.
    if (ledger.foreign().size > 0) return [];
    return backends.kinds.flatMap((kind) => {
      const attach = backends.get(kind)?.attach;
      if (attach?.leftovers === undefined) return [];
      const accounted = () => ({
        attachments: ledger
          .all()
          .flatMap(({ devices, attachments }) =>
            devices
              .filter((device) => device.kind === kind)
              .flatMap(({ prepared }) => attachments.map(({ sandbox }) => ({ prepared, sandbox }))),
          ),
        running: runtime()?.sandboxes,
      });
      return [{ leftovers: async () => (await attach.leftovers?.(accounted, signal)) ?? [] }];
    });
  }
}
