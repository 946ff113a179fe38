import type { AllocatedDevice } from './allocated-claim.ts';

/** What a hold is about: a device, or one share of it. */
export type HeldDevice = Pick<AllocatedDevice, 'pool' | 'device' | 'shareId' | 'adminAccess'>;

/** Another claim has the device. */
export class DeviceHeldError extends Error {
  override readonly name = 'DeviceHeldError';
}

/** Which claim has which device. */
export class DeviceHolds {
  /** Takes all devices for the claim or none. */
  hold(_claimUID: string, _devices: readonly HeldDevice[]): boolean {
    throw new Error('not yet');
  }
  /** Gives them back. */
  release(_claimUID: string): void {}
}
