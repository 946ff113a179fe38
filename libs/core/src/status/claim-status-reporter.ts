import type { ClaimDeviceStatus, ClaimReference } from '@patchbay/dra';
import { NetworkNamespace, RouteSocket } from '@patchbay/netlink';
import type { AttachedClaimDevice, AttachmentObserver } from '../attachments/claim-attacher.ts';
import type { ClaimRecord, DeviceRecord } from '../attachments/claim-record.ts';
import type { PodSandbox } from '../backend/backend.ts';
import { describeError } from '../errors/driver-errors.ts';
import type { Logger } from '../logging/logger.ts';

/** Where claim statuses go; the latest of a claim wins, and it is retried in the background. */
export interface ClaimStatusSink {
  set(claim: ClaimReference, devices: readonly ClaimDeviceStatus[]): void;
}

/** Says in the claim's status what the kernel really has: the `Ready` condition and the network data of each device. */
export class ClaimStatusReporter implements AttachmentObserver {
  readonly #sink: ClaimStatusSink;
  readonly #logger: Logger;

  constructor(sink: ClaimStatusSink, logger: Logger) {
    this.#sink = sink;
    this.#logger = logger;
  }

  claimAttached(record: ClaimRecord, sandbox: PodSandbox, devices: readonly AttachedClaimDevice[]): void {
    this.#logger.info(
      {
        claimUID: record.claim.uid,
        podUID: sandbox.podUID,
        pod: `${sandbox.podNamespace}/${sandbox.podName}`,
      },
      'claim attached',
    );
    let observed: ReturnType<typeof observe> = new Map();
    try {
      observed = observe(record, sandbox, devices);
    } catch (error) {
      this.#logger.warn(
        { claimUID: record.claim.uid, error: describeError(error) },
        'cannot read back from the pod what was attached; its status has no network data',
      );
    }
    this.#sink.set(
      record.claim,
      record.devices.map((device) => ({
        ...identify(device),
        conditions: [ready('True', 'Attached', `in pod ${sandbox.podNamespace}/${sandbox.podName}`)],
        ...observed.get(device),
      })),
    );
  }

  claimAttachFailed(record: ClaimRecord, sandbox: PodSandbox, error: unknown): void {
    const message = describeError(error);
    this.#logger.error(
      { claimUID: record.claim.uid, podUID: sandbox.podUID, error: message },
      'attaching failed',
    );
    this.#setAll(record, ready('False', 'AttachFailed', message));
  }

  claimDetached(record: ClaimRecord, sandbox: PodSandbox): void {
    this.#logger.info({ claimUID: record.claim.uid, podUID: sandbox.podUID }, 'claim detached');
    this.#setAll(
      record,
      ready(
        'False',
        'Detached',
        `pod ${sandbox.podNamespace}/${sandbox.podName} has stopped; the device is back on the node`,
      ),
    );
  }

  #setAll(record: ClaimRecord, condition: ClaimDeviceStatus['conditions'][number]): void {
    this.#sink.set(
      record.claim,
      record.devices.map((device) => ({ ...identify(device), conditions: [condition] })),
    );
  }
}

function identify({
  pool,
  device,
  shareId,
}: DeviceRecord): Pick<ClaimDeviceStatus, 'pool' | 'device' | 'shareId'> {
  return { pool, device: device.name, ...(shareId === undefined ? {} : { shareId }) };
}

function ready(
  status: 'True' | 'False',
  reason: string,
  message: string,
): ClaimDeviceStatus['conditions'][number] {
  return { type: 'Ready', status, reason, message };
}

/** Reads the links back from the pod: names, hardware addresses and addresses as they are, not as they were asked for. */
function observe(
  record: ClaimRecord,
  sandbox: PodSandbox,
  attached: readonly AttachedClaimDevice[],
): ReadonlyMap<DeviceRecord, Pick<ClaimDeviceStatus, 'networkData' | 'data'>> {
  using namespace = NetworkNamespace.open(sandbox.networkNamespacePath);
  using socket = RouteSocket.open({ namespace });
  const result = new Map<DeviceRecord, Pick<ClaimDeviceStatus, 'networkData' | 'data'>>();
  for (const device of record.devices.filter(({ adminAccess }) => !adminAccess)) {
    const index = attached.find((each) => each.record === device)?.attached.linkIndex;
    const link = socket.link(index === undefined ? { name: device.interfaceName } : { index });
    if (link === undefined) continue;
    const ips = socket
      .addresses({ linkIndex: link.index })
      .filter(({ scope }) => scope === 'global')
      .map(({ address }) => address);
    result.set(device, {
      networkData: {
        interfaceName: link.name,
        ...(link.address === undefined ? {} : { hardwareAddress: link.address }),
        ...(ips.length === 0 ? {} : { ips }),
      },
      data: { mtu: link.mtu },
    });
  }
  return result;
}
