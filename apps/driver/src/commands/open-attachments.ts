import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type AttachmentObserver, ClaimAttacher, ClaimLocks } from '@patchbay/core';
import { loadForeignLibraries } from '@patchbay/ffi';
import { useForeignLibraries } from '@patchbay/netlink';
import { backendModules } from '../backends.ts';
import { type ClaimMemory, recallClaims } from '../composition/claim-memory.ts';
import { FileStateLocks } from '../kernel/file-state-locks.ts';
import { openHostServices } from '../composition/host-services.ts';
import { type RepairFlow, repairFlow } from '../composition/repair-flow.ts';
import type { DriverConfig } from '../configuration/driver-config.ts';
import { loadDriverConfig } from '../configuration/load-driver-config.ts';
import { complaints } from './complaints.ts';

/** What commands about attachments work with, beside a running driver or without one. */
export interface OpenAttachments extends Disposable {
  readonly config: DriverConfig;
  readonly memory: ClaimMemory;
  readonly repair: RepairFlow;
}

/**
 * Opens the state of the driver of this node. The journal is left as it is found: claims of an earlier boot and records that cannot be read are
 * the driver's to put aside.
 *
 * @returns undefined when the driver has never run here since the machine was started
 * @throws ConfigInvalidError; StateDirectoryTakenError when the state is another driver's; Error without the rights of root
 */
export function openAttachments(configPath: string): OpenAttachments | undefined {
  const { config, backends } = loadDriverConfig(configPath, backendModules);
  if (process.geteuid?.() !== 0) {
    throw new Error('the journal and the network namespaces of pods are only open to root; start it as root');
  }
  if (!existsSync(join(config.state.directory, 'claims'))) return undefined;
  const libraries = loadForeignLibraries(config.ffi);
  useForeignLibraries(libraries);
  const locks = FileStateLocks.open(config.state.directory, config.driverName, libraries);
  const host = openHostServices({ config, backends, logger: complaints });
  const memory = recallClaims({ config, logger: complaints }, locks, false);
  const claims = new ClaimLocks(locks);
  const { ledger, gate } = memory;
  const attacher = new ClaimAttacher({
    ...{ backends: host.backends, ledger, gate, claims },
    observer: nobody,
    logger: complaints,
  });
  return {
    config,
    memory,
    repair: repairFlow({ logger: complaints }, host.backends, memory, { attacher, locks: claims }),
    [Symbol.dispose]() {
      host[Symbol.dispose]();
      locks[Symbol.dispose]();
    },
  };
}

/** The command says itself what it has done; claims' statuses are the driver's to write. */
const nobody: AttachmentObserver = {
  claimPrepareFailed: () => {},
  claimAttached: () => {},
  claimAttachFailed: () => {},
  claimDetached: () => {},
  claimDetachFailed: () => {},
};
