import type { ClaimLedger } from '../claim-ledger.ts';
import type { ClaimLocks } from '../claim-locks.ts';
import type { ContainerGate } from '../container-gate.ts';
import type { LeftoverSource } from './node-inspector.ts';
import type { Leftover } from './node-state.ts';

/** Files of claims, by their UIDs. */
export interface ClaimFiles {
  list(): Promise<readonly string[]>;
  remove(claimUID: string): Promise<void>;
}

/** Where a driver's files of claims are. */
export interface StateLeftoversOptions {
  readonly ledger: ClaimLedger;
  readonly gate: ContainerGate;
  readonly claims: ClaimLocks;
  /** By what they are called, such as `CDI spec`. */
  readonly files: Readonly<Record<string, ClaimFiles>>;
}

/** Finds files of claims that are not prepared, and writes of the journal that were cut off. */
export function stateLeftovers({ ledger, gate, claims, files }: StateLeftoversOptions): LeftoverSource {
  const isKnown = (claimUID: string) => ledger.get(claimUID) !== undefined || ledger.foreign().has(claimUID);
  const strangeGates = () => {
    const names = gate.strangers(ledger.all().map(({ claim }) => claim));
    return names.filter((name) => ![...ledger.foreign()].some((claimUID) => name.endsWith(`-${claimUID}`)));
  };

  async function ofClaims(what: string, store: ClaimFiles): Promise<Leftover[]> {
    const found = await store.list();
    return found
      .filter((claimUID) => !isKnown(claimUID))
      .map((claimUID) => ({
        what,
        name: claimUID,
        // Preparing writes the record before anything else, with the same lock.
        remove: () =>
          claims.run(claimUID, async () => {
            if (!isKnown(claimUID)) await store.remove(claimUID);
          }),
      }));
  }

  return {
    async leftovers() {
      const ofFiles = await Promise.all(Object.entries(files).map(([what, store]) => ofClaims(what, store)));
      return [
        ...ofFiles.flat(),
        ...strangeGates().map((name) => ({
          what: 'gate',
          name,
          remove: async () => {
            if (strangeGates().includes(name)) gate.remove(name);
          },
        })),
        ...ledger.unfinishedWrites().map((name) => ({
          what: 'journal write',
          name,
          remove: async () => ledger.removeUnfinishedWrite(name),
        })),
      ];
    },
  };
}
