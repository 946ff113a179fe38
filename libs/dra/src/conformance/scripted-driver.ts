import { CdiSpecStore } from '../cdi/cdi-spec-store.ts';
import type { AllocatedClaim, ClaimReference } from '../claims/allocated-claim.ts';
import type { DraDriver, PreparedDevice } from '../plugin/dra-driver.ts';
import { driverName } from './conformance-rig.ts';

/** Prepares claims by writing a CDI specification each, which is its whole state, and lets the test act in the middle of every call. */
export class ScriptedDriver implements DraDriver {
  readonly specs: CdiSpecStore;
  /** Every claim that it was asked to prepare. */
  readonly seen: AllocatedClaim[] = [];
  /** Runs in the middle of every call. */
  during: (method: 'prepare' | 'unprepare', claim: ClaimReference, signal: AbortSignal) => Promise<void> =
    () => Promise.resolve();

  constructor(directory: string) {
    this.specs = new CdiSpecStore({ directory, vendor: driverName, class: 'claim' });
  }

  async prepareClaim(claim: AllocatedClaim, signal: AbortSignal): Promise<readonly PreparedDevice[]> {
    this.seen.push(claim);
    await this.during('prepare', claim, signal);
    const edits = claim.devices.map(({ device, shareId = 'whole' }) => ({
      name: `${device}.${shareId}`,
      containerEdits: { env: [`TOY=${device}`] },
    }));
    const ids = await this.specs.write(claim.uid, edits);
    return claim.devices.map(({ request, pool, device, shareId }, index) => ({
      requestNames: [request],
      poolName: pool,
      deviceName: device,
      cdiDeviceIds: ids.slice(index, index + 1),
      ...(shareId === undefined ? {} : { shareId }),
    }));
  }

  async unprepareClaim(claim: ClaimReference, signal: AbortSignal): Promise<void> {
    await this.during('unprepare', claim, signal);
    await this.specs.remove(claim.uid);
  }
}
