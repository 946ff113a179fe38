import type { DeviceRequest } from '../backend/backend.ts';
import { ParametersInvalidError } from '../errors/driver-errors.ts';
import type { InterfaceSetup } from '../interfaces/interface-setup.ts';
import type { AddressHolder, AddressRanges, AssignedSetup, HeldAddress } from './address-ranges.ts';
import type { LeaseRecord } from './lease-record.ts';
import type { Leases } from './leases.ts';

/** What of a device's record says which addresses it has that others may have after it. */
export interface DeviceAddresses {
  readonly addresses?: readonly HeldAddress[] | undefined;
  readonly leases?: readonly LeaseRecord[] | undefined;
}

/** The addresses of claims' devices that come from ranges and DHCP servers, as far as preparing and unpreparing claims is concerned. */
export class ClaimAddresses {
  readonly #ranges: AddressRanges;
  readonly #leases: Leases;
  readonly #onLeased: () => void;

  /** @param onLeased called when leases have been journalled, which somebody must keep from then on */
  constructor(ranges: AddressRanges, leases: Leases, onLeased: () => void = () => {}) {
    this.#ranges = ranges;
    this.#leases = leases;
    this.#onLeased = onLeased;
  }

  /** See {@link AddressRanges.assign}. */
  assign(setup: InterfaceSetup, holder: AddressHolder): AssignedSetup {
    return this.#ranges.assign(setup, holder);
  }

  /** What the record of a device must hold that was prepared by a request. */
  heldBy(request: DeviceRequest, held: readonly HeldAddress[]): DeviceAddresses {
    const leases = this.#leases.takenBy(request);
    return {
      ...(held.length === 0 ? {} : { addresses: held }),
      ...(leases.length === 0 ? {} : { leases }),
    };
  }

  /** Called when a claim is journalled with what its devices hold, or could not be prepared and holds nothing. */
  settle(claimUID: string): void {
    this.#ranges.settle(claimUID);
    this.#onLeased();
  }

  /** Gives leases back. Never fails, and takes a few seconds at most. */
  async release(devices: readonly DeviceAddresses[]): Promise<void> {
    const leased = devices.flatMap(({ leases = [] }) => (leases.length === 0 ? [] : [leases]));
    if (leased.length > 0) await this.#leases.release(leased);
  }
}

/** For drivers that have neither ranges nor DHCP: refuses what asks for a range. */
export const noAddresses: Pick<ClaimAddresses, 'assign' | 'heldBy' | 'settle' | 'release'> = {
  assign(setup) {
    if (setup.addressRange === undefined) return { setup, held: [] };
    throw new ParametersInvalidError('parameters', [
      { path: 'interface.addressRange', message: 'this driver has no address ranges' },
    ]);
  },
  heldBy: () => ({}),
  settle: () => {},
  release: async () => {},
};
