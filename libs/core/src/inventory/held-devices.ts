import type { ClaimRecord } from '../attachments/claim-record.ts';
import type { Device } from '../backend/device.ts';

/** A device that a claim holds, as it was when it was prepared. */
export interface HeldInventoryDevice {
  /** Its backend. */
  readonly kind: string;
  readonly device: Device;
  /** Whether it is in a pod, or on its way there or back, so that it may be missing on the host. */
  readonly away: boolean;
}

/** The devices that prepared claims hold. A claim with adminAccess looks on and holds none. */
export function heldDevices(records: readonly ClaimRecord[]): HeldInventoryDevice[] {
  return records.flatMap(({ devices, attachments }) =>
    devices
      .filter(({ adminAccess }) => !adminAccess)
      .map(({ kind, device }) => ({
        kind,
        device: device as unknown as Device,
        away: attachments.length > 0,
      })),
  );
}
