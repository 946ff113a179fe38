import {
  announceAddresses,
  AttachmentReporter,
  type BackendRegistry,
  ClaimAttacher,
  ClaimLocks,
  ClaimPreparer,
  type DeviceLinkChange,
  DeviceLinks,
  InterfaceParameters,
  type Inventory,
  PodEvents,
  type PodLinkWatch,
  type StateLocks,
} from '@patchbay/core';
import { ClaimStatusWriter, EventRecorder } from '@patchbay/dra';
import { type AddressFlow, addressFlow, type LeaseServices } from './address-flow.ts';
import type { ClaimMemory } from './claim-memory.ts';
import type { DriverOptions } from './driver-options.ts';

/** What is told of claims: to the API server, to containers, to the inventory. */
export interface ClaimReports {
  readonly status: ClaimStatusWriter;
  readonly events: EventRecorder;
  readonly links: DeviceLinks;
  readonly reporter: AttachmentReporter;
}

/**
 * Wires what is told of claims.
 *
 * @param watch follows links in pods
 * @param onLinkChange called when a link in a pod has changed, after it was told
 * @param tellsOfLinks whether it is this instance that tells pods of their links: all instances hear the same
 */
export function claimReports(
  { config, api, logger }: DriverOptions,
  { metadata, ledger }: ClaimMemory,
  watch: PodLinkWatch,
  onLinkChange: () => void,
  tellsOfLinks: () => boolean = () => true,
): ClaimReports {
  const { driverName, nodeName } = config;
  const status = new ClaimStatusWriter({ api, driverName, logger: logger.child({ component: 'status' }) });
  const events = new EventRecorder({
    api,
    driverName,
    nodeName,
    logger: logger.child({ component: 'events' }),
  });
  const links = new DeviceLinks(
    watch,
    (claimUID, { sandboxId }) =>
      ledger
        .get(claimUID)
        ?.attachments.some(
          ({ phase, sandbox }) => phase !== 'detaching' && sandbox.sandboxId === sandboxId,
        ) ?? false,
    (change) => {
      if (tellsOfLinks()) {
        reporter.linkChanged(change);
        if (change.carrierCame) announce(change);
      }
      onLinkChange();
    },
  );
  const reporter = new AttachmentReporter({
    ...{ status, metadata, links },
    events: new PodEvents(events),
    logger: logger.child({ component: 'attachments' }),
  });
  return { status, events, links, reporter };
}

/** What the kernel announced when the link came up was lost while it had no carrier. */
function announce({ sandbox, linkIndex }: DeviceLinkChange): void {
  announceAddresses(sandbox.networkNamespacePath, linkIndex).catch(() => {
    // The pod is ending; its neighbours need not know.
  });
}

/** The flow of claims: from the kubelet, into pods. */
export interface ClaimFlow {
  readonly preparer: ClaimPreparer;
  readonly attacher: ClaimAttacher;
  /** Has a claim worked on by one at a time. */
  readonly locks: ClaimLocks;
  /** Where claims' addresses come from; absent without lease services. */
  readonly addresses?: AddressFlow;
}

/** Wires the flow of claims. */
export function claimFlow(
  { config, backends: selections, logger }: DriverOptions,
  backends: BackendRegistry,
  memory: ClaimMemory,
  inventory: Inventory,
  { reporter, events }: ClaimReports,
  locks: StateLocks,
  leases?: LeaseServices,
): ClaimFlow {
  const claims = new ClaimLocks(locks);
  const shared = {
    ...{ backends, ledger: memory.ledger, gate: memory.gate, claims },
    observer: reporter,
    logger: logger.child({ component: 'attachments' }),
  };
  const attacher = new ClaimAttacher(shared);
  const addresses = leases && addressFlow({ config, logger }, memory, events, claims, leases);
  const preparer = new ClaimPreparer({
    ...shared,
    ...{ attacher, inventory, cdi: memory.cdi, metadata: memory.metadata, bootId: memory.bootId },
    ...(addresses === undefined ? {} : { addresses: addresses.addresses }),
    nodeName: config.nodeName,
    parameters: new InterfaceParameters(
      new Map(selections.map(({ module }) => [module.kind, module.parametersSchema])),
    ),
  });
  return { preparer, attacher, locks: claims, ...(addresses === undefined ? {} : { addresses }) };
}
