import type { AllocatedDevice } from './allocated-claim.ts';

/** What a hold is about: a device, or one share of it. */
export type HeldDevice = Pick<AllocatedDevice, 'pool' | 'device' | 'shareId' | 'adminAccess'>;

/** Another claim has the device, although the scheduler gave it to this one too. */
export class DeviceHeldError extends Error {
  override readonly name = 'DeviceHeldError';
  /** UID of the claim that has it. */
  readonly holder: string;

  constructor(device: HeldDevice, holder: string) {
    const share = device.shareId === undefined ? '' : ` (share ${device.shareId})`;
    super(
      `Device ${device.pool}/${device.device}${share} is still in use by the claim with UID ${holder}; ` +
        'it becomes free when the pods using that claim are gone',
    );
    this.holder = holder;
  }
}

/**
 * Which claim has which device on this node, so that no device is given away twice even if the scheduler's view was stale.
 *
 * Kept in memory; a driver fills it from its own journal at start, before the plugin serves (`hold` for each prepared claim).
 */
export class DeviceHolds {
  /** Device, then share id (empty for the whole device), then claim UID. */
  readonly #holders = new Map<string, Map<string, string>>();

  /**
   * Takes all devices for the claim, or none of them. Repeatable. Admin access neither takes a device nor minds who has it.
   *
   * @returns whether anything was taken that the claim did not have before.
   * @throws DeviceHeldError when another claim has one of the devices, unless both have distinct shares of it.
   */
  hold(claimUID: string, devices: readonly HeldDevice[]): boolean {
    const wanted = devices.filter(({ adminAccess }) => !adminAccess);
    for (const device of wanted) {
      const holder = this.#otherHolder(claimUID, device);
      if (holder !== undefined) throw new DeviceHeldError(device, holder);
    }
    let taken = false;
    for (const device of wanted) {
      const shares = this.#holders.get(key(device)) ?? new Map<string, string>();
      const share = device.shareId ?? '';
      taken ||= !shares.has(share);
      shares.set(share, claimUID);
      this.#holders.set(key(device), shares);
    }
    return taken;
  }

  /** Forgets everything that is held. */
  clear(): void {
    this.#holders.clear();
  }

  /** Frees everything that the claim has; nothing happens when it has nothing. */
  release(claimUID: string): void {
    for (const [device, shares] of this.#holders) {
      for (const [share, holder] of shares) if (holder === claimUID) shares.delete(share);
      if (shares.size === 0) this.#holders.delete(device);
    }
  }

  /** UIDs of the claims that have the device or a share of it. */
  holders(device: { readonly pool: string; readonly device: string }): string[] {
    return [...new Set(this.#holders.get(key(device))?.values())];
  }

  #otherHolder(claimUID: string, device: HeldDevice): string | undefined {
    for (const [share, holder] of this.#holders.get(key(device)) ?? []) {
      const distinct = device.shareId !== undefined && share !== '' && share !== device.shareId;
      if (holder !== claimUID && !distinct) return holder;
    }
    return undefined;
  }
}

/** Pool names contain `/`, device names never do. */
function key(device: { readonly pool: string; readonly device: string }): string {
  return `${device.pool}/${device.device}`;
}
