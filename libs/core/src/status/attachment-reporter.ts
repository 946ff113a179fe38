import type {
  AllocatedClaim,
  AllocatedDevice,
  ClaimDeviceStatus,
  ClaimReference,
  DeviceMetadata,
} from '@patchbay/dra';
import type { AttachedClaimDevice, AttachmentObserver } from '../attachments/attachment-observer.ts';
import type { ClaimRecord, DeviceRecord } from '../attachments/claim-record.ts';
import type { PodSandbox } from '../backend/backend.ts';
import { describeError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';
import type { DeviceLinkChange, DeviceLinks } from './device-links.ts';
import { observeLinks, type ObservedLink } from './observed-links.ts';
import type { PodEvents } from './pod-events.ts';

/** Where claim statuses go; the latest of a claim wins, and it is retried in the background. */
export interface ClaimStatusSink {
  /** Has the driver's part of a claim's status say this of its devices, and nothing of others. Returns at once; repeatable. */
  set(claim: ClaimReference, devices: readonly ClaimDeviceStatus[]): void;
}

/** Where containers read about their devices. */
export interface DeviceMetadataSink {
  /** Brings what a claim's containers read up to date. Repeatable; rejects when the files cannot be written. */
  update(claimUID: string, devices: readonly DeviceMetadata[]): Promise<unknown>;
}

/** Whom the {@link AttachmentReporter} tells. */
export interface AttachmentReporterOptions {
  readonly status: ClaimStatusSink;
  readonly metadata: DeviceMetadataSink;
  readonly events: PodEvents;
  readonly links: Pick<DeviceLinks, 'follow' | 'leave'>;
  readonly logger: Logger;
}

type Condition = ClaimDeviceStatus['conditions'][number];

/**
 * Says how attachments fare to all who want to know: the claim's status, with what the kernel really has; the files that containers read; the
 * pod's events; and who follows the links from then on.
 */
export class AttachmentReporter implements AttachmentObserver {
  readonly #options: AttachmentReporterOptions;

  constructor(options: AttachmentReporterOptions) {
    this.#options = options;
  }

  /** See {@link AttachmentObserver.claimPrepareFailed}. The kubelet tells the pod. */
  claimPrepareFailed({ devices, ...claim }: AllocatedClaim, error: unknown): void {
    const condition = ready('False', 'PrepareFailed', describeError(error));
    this.#options.status.set(
      { uid: claim.uid, namespace: claim.namespace, name: claim.name },
      devices.map((device) => ({ ...identifyAllocated(device), conditions: [condition] })),
    );
  }

  /** See {@link AttachmentObserver.claimAttached}. */
  claimAttached(record: ClaimRecord, sandbox: PodSandbox, devices: readonly AttachedClaimDevice[]): void {
    const { links, logger } = this.#options;
    const fields = { claimUID: record.claim.uid, podUID: sandbox.podUID };
    logger.info({ ...fields, pod: podName(sandbox) }, 'claim attached');
    const observed = this.#observe(record, sandbox, devices);
    links.follow(record, sandbox, observed, devices.length > 0);
    this.#tellAttached(record, observed);
  }

  /** See {@link AttachmentObserver.claimAttachFailed}. The runtime's error goes to the kubelet, which tells the pod. */
  claimAttachFailed(record: ClaimRecord, sandbox: PodSandbox, error: unknown): void {
    const message = describeError(error);
    this.#options.logger.error(
      { claimUID: record.claim.uid, podUID: sandbox.podUID, error: message },
      'attaching failed',
    );
    const { attachments } = record;
    // In the pods that have it the claim goes on working.
    if (attachments.some((each) => each.phase === 'attached' && each.sandbox.podUID !== sandbox.podUID))
      return;
    this.#setStatus(record, ready('False', 'AttachFailed', message));
  }

  /** See {@link AttachmentObserver.claimDetachFailed}. */
  claimDetachFailed(record: ClaimRecord, sandbox: PodSandbox, error: unknown): void {
    const message = describeError(error);
    this.#setStatus(record, ready('False', 'DetachFailed', message));
    this.#options.events.warn(sandbox, 'NetworkDetachFailed', 'Detach', message);
  }

  /** See {@link AttachmentObserver.claimDetached}. */
  claimDetached(record: ClaimRecord, sandbox: PodSandbox): void {
    const { links, logger } = this.#options;
    logger.info({ claimUID: record.claim.uid, podUID: sandbox.podUID }, 'claim detached');
    links.leave(record, sandbox);
    const other = record.attachments.at(-1);
    if (other !== undefined) return this.#tellAttached(record, this.#observe(record, other.sandbox, []));
    const message = `pod ${podName(sandbox)} has stopped; the driver has taken the device back`;
    this.#setStatus(record, ready('False', 'Detached', message));
  }

  /** Tells of a link in a pod that has changed. */
  linkChanged({ record, device, sandbox, state, before }: DeviceLinkChange): void {
    if (before === undefined && state.kind === 'up') return;
    const { events, logger } = this.#options;
    const fields = {
      claimUID: record.claim.uid,
      podUID: sandbox.podUID,
      interfaceName: device.interfaceName,
    };
    logger.info({ ...fields, state: state.kind }, "a pod's link has changed");
    const what = `interface ${device.interfaceName} (device ${device.pool}/${device.device.name} of claim ${record.claim.name})`;
    if (state.kind === 'no-carrier') {
      events.warn(sandbox, 'NetworkLinkDown', 'Monitor', `${what} has no carrier; check cable and peer`);
    } else if (state.kind === 'gone') {
      events.warn(
        sandbox,
        'NetworkLinkGone',
        'Monitor',
        `${what} is gone: it was unplugged, or deleted in the pod; re-create the pod to get it back`,
      );
    } else if (state.kind === 'up' && before?.kind === 'no-carrier') {
      events.tell(sandbox, 'NetworkLinkUp', 'Monitor', `${what} has its carrier back`);
    }
  }

  #observe(
    record: ClaimRecord,
    sandbox: PodSandbox,
    devices: readonly AttachedClaimDevice[],
  ): ReadonlyMap<DeviceRecord, ObservedLink> {
    try {
      return observeLinks(record, sandbox, devices);
    } catch (error) {
      const fields = { claimUID: record.claim.uid, podUID: sandbox.podUID, error: describeError(error) };
      this.#options.logger.warn(
        fields,
        'cannot read back from the pod what was attached; its status has no network data',
      );
      return new Map();
    }
  }

  #tellAttached(record: ClaimRecord, observed: ReadonlyMap<DeviceRecord, ObservedLink>): void {
    // There is one place for what a device is in all pods that have the claim.
    const told = record.attachments.length > 1 ? sameInAllPods(observed) : observed;
    this.#setStatus(record, attachedIn(record), told);
    this.#updateMetadata(record, told);
  }

  #setStatus(
    record: ClaimRecord,
    condition: Condition,
    observed: ReadonlyMap<DeviceRecord, ObservedLink> = new Map(),
  ): void {
    this.#options.status.set(
      record.claim,
      record.devices.map((device) => ({
        ...identify(device),
        conditions: [device.adminAccess ? onLooking() : condition],
        ...networkStatus(observed.get(device)),
      })),
    );
  }

  #updateMetadata(record: ClaimRecord, observed: ReadonlyMap<DeviceRecord, ObservedLink>): void {
    const { metadata, logger } = this.#options;
    const devices = record.devices.flatMap((device): DeviceMetadata[] => {
      const { networkData } = networkStatus(observed.get(device));
      return networkData === undefined ? [] : [{ request: device.request, ...identify(device), networkData }];
    });
    metadata.update(record.claim.uid, devices).catch((error: unknown) => {
      logger.warn(
        { claimUID: record.claim.uid, error: describeError(error) },
        'the files that tell containers about their devices could not be brought up to date',
      );
    });
  }
}

/** Links without their addresses, of which those of each pod have their own. */
function sameInAllPods(
  observed: ReadonlyMap<DeviceRecord, ObservedLink>,
): ReadonlyMap<DeviceRecord, ObservedLink> {
  return new Map(
    [...observed].map(([device, { hardwareAddress: _own, ...link }]) => [device, { ...link, ips: [] }]),
  );
}

function networkStatus(link: ObservedLink | undefined): Pick<ClaimDeviceStatus, 'networkData' | 'data'> {
  if (link === undefined) return {};
  const { name, hardwareAddress, mtu, ips } = link;
  return {
    networkData: {
      interfaceName: name,
      ...(hardwareAddress === undefined ? {} : { hardwareAddress }),
      ...(ips.length === 0 ? {} : { ips }),
    },
    data: { mtu },
  };
}

function identify({
  pool,
  device,
  shareId,
}: DeviceRecord): Pick<ClaimDeviceStatus, 'pool' | 'device' | 'shareId'> {
  return { pool, device: device.name, ...(shareId === undefined ? {} : { shareId }) };
}

function identifyAllocated({
  pool,
  device,
  shareId,
}: AllocatedDevice): Pick<ClaimDeviceStatus, 'pool' | 'device' | 'shareId'> {
  return { pool, device, ...(shareId === undefined ? {} : { shareId }) };
}

function attachedIn({ attachments }: ClaimRecord): Condition {
  const pods = attachments.map(({ sandbox }) => podName(sandbox));
  return ready('True', 'Attached', `in pod${pods.length === 1 ? '' : 's'} ${pods.join(', ')}`);
}

function onLooking(): Condition {
  return ready('True', 'AdminAccess', 'the claim sees the device and leaves it to whoever uses it');
}

function podName({ podNamespace, podName: name }: PodSandbox): string {
  return `${podNamespace}/${name}`;
}

function ready(status: 'True' | 'False', reason: string, message: string): Condition {
  return { type: 'Ready', status, reason, message };
}
