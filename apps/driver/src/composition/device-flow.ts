import {
  type BackendRegistry,
  deviceHealth,
  type DeviceLinks,
  devicePools,
  heldDevices,
  Inventory,
} from '@patchbay/core';
import { DeviceFieldProbe, DeviceHealthFeed, ResourceSlicePublisher } from '@patchbay/dra';
import type { ClaimMemory } from './claim-memory.ts';
import type { DriverOptions } from './driver-options.ts';

/** A cable that is pulled shows at once; one with a loose contact costs the API server two writes a second in the long run. */
const publishingPace = { burst: 100, refillMs: 500 } as const;

/** The flow of devices to the API server, and of their health to the kubelet. */
export interface DeviceFlow {
  readonly inventory: Inventory;
  readonly publisher: ResourceSlicePublisher;
  readonly health: DeviceHealthFeed;
  /** Finds out what the API server knows about devices; nothing is published before. */
  readonly probe: DeviceFieldProbe;
}

/** Wires the flow of devices. */
export function deviceFlow(
  { config, api, metrics, logger }: DriverOptions,
  backends: BackendRegistry,
  { ledger }: ClaimMemory,
  links: DeviceLinks,
): DeviceFlow {
  const { driverName, nodeName, devices: publishing } = config;
  const health = new DeviceHealthFeed();
  const inventory = new Inventory({
    backends,
    heldDevices: () => heldDevices(ledger.all()),
    stateInPod: (kind, device) => links.stateInPod(kind, device),
    logger: logger.child({ component: 'inventory' }),
  });
  const publisher = new ResourceSlicePublisher({
    api,
    driverName,
    nodeName,
    logger: logger.child({ component: 'publisher' }),
    writes: publishingPace,
    onError: () => {
      metrics.publishErrors.inc();
      probe.again();
    },
    // What broke may be an upgrade, after which the API server knows more than before, or less.
    onRelist: () => probe.again(),
  });
  let asked = false;
  const publish = () => {
    if (asked) publisher.update(devicePools(nodeName, inventory.devices, publishing.carrierTaint));
  };
  const probe = new DeviceFieldProbe({
    api,
    driverName,
    nodeName,
    logger: logger.child({ component: 'publisher' }),
    onResult: (kept) => {
      const consumable = publishing.sharing === 'auto' && kept.has('allowMultipleAllocations');
      inventory.sharing = consumable ? 'consumable' : 'discrete';
      if (asked) return;
      asked = true;
      publish();
    },
  });
  inventory.onChange((devices) => {
    metrics.observeDevices(devices);
    health.report(deviceHealth(nodeName, devices));
    publish();
  });
  return { inventory, publisher, health, probe };
}
