import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  ClaimJournal,
  ClaimLedger,
  ContainerGate,
  errorFields,
  InstanceTurn,
  type Logger,
  type StateLocks,
} from '@patchbay/core';
import { CdiSpecStore, DeviceHolds, DeviceMetadataStore } from '@patchbay/dra';
import type { DriverOptions } from './driver-options.ts';

/** What the driver remembers of claims: the journal and what follows from it. */
export interface ClaimMemory {
  readonly bootId: string;
  readonly ledger: ClaimLedger;
  /** Keeps claims' containers waiting. */
  readonly gate: ContainerGate;
  /** Specs of claims' devices for the runtime. */
  readonly cdi: CdiSpecStore;
  /** Files that containers read. */
  readonly metadata: DeviceMetadataStore;
  /** Which claim has which device. */
  readonly holds: DeviceHolds;
  /** Lets one instance at a time change what claims hold. */
  readonly turn: InstanceTurn;
}

/**
 * Reads what is known of claims. What does not agree with it is left to repair.
 *
 * @param tidy whether to forget claims of an earlier boot, and to set records aside that cannot be read
 */
export function recallClaims(
  { config, logger }: Pick<DriverOptions, 'config' | 'logger'>,
  locks: StateLocks,
  tidy = true,
): ClaimMemory {
  const inState = (name: string) => join(config.state.directory, name);
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const ledger = new ClaimLedger(new ClaimJournal(inState('claims'), logger, locks));
  const gate = new ContainerGate(inState('gates'));
  const cdi = new CdiSpecStore({
    directory: config.cdi.directory,
    vendor: config.driverName,
    class: 'claim',
  });
  const metadata = new DeviceMetadataStore({
    directory: inState('metadata'),
    driverName: config.driverName,
    bootId,
  });
  for (const { claim } of tidy ? ledger.load(bootId) : []) {
    logger.info({ claimUID: claim.uid }, 'forgetting a claim of an earlier boot');
  }
  const holds = new DeviceHolds();
  const turn = new InstanceTurn(locks, () => fill(holds, ledger, logger));
  return { bootId, ledger, gate, cdi, metadata, holds, turn };
}

/** Has `holds` say what prepared claims hold. */
function fill(holds: DeviceHolds, ledger: ClaimLedger, logger: Logger): void {
  holds.clear();
  for (const { claim, devices } of ledger.all()) {
    const held = devices.map(({ pool, device, adminAccess, shareId }) => ({
      pool,
      device: device.name,
      adminAccess,
      ...(shareId === undefined ? {} : { shareId }),
    }));
    try {
      holds.hold(claim.uid, held);
    } catch (error) {
      // Two claims on one device must not keep all others from being prepared, nor these two from being unprepared.
      logger.error(
        { claimUID: claim.uid, ...errorFields(error) },
        'the journal gives a device to two claims',
      );
    }
  }
}
