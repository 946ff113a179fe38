/** A card that has changed its namespace negotiates its link anew, which takes some seconds, in milliseconds. */
export const carrierGraceMs = 5_000;

/**
 * Which devices have just come back from a pod and may still be looking for their carrier: until they have found it, or their time is over,
 * that they have none means nothing.
 */
export class CarrierGrace {
  readonly #graceMs: number;
  readonly #onOver: () => void;
  #away: ReadonlyMap<string, boolean> = new Map();
  readonly #timers = new Map<string, NodeJS.Timeout>();

  /** @param onOver called when the time of a device is over that has not found its carrier */
  constructor(onOver: () => void, graceMs = carrierGraceMs) {
    this.#onOver = onOver;
    this.#graceMs = graceMs;
  }

  /**
   * Tells which devices are in pods, or on their way, now, and whether each may have a carrier there: the time begins of those that were
   * before and may have had one.
   */
  away(devices: ReadonlyMap<string, boolean>): void {
    for (const [device, hadCarrier] of this.#away)
      if (hadCarrier && !devices.has(device)) this.#begin(device);
    for (const device of devices.keys()) this.#end(device);
    this.#away = devices;
  }

  /** What the carrier of a device that is on the host means; undefined when it means nothing yet. */
  meaning(device: string, carrier: boolean | undefined): boolean | undefined {
    if (carrier === true) this.#end(device);
    return carrier === false && this.#timers.has(device) ? undefined : carrier;
  }

  #begin(device: string): void {
    clearTimeout(this.#timers.get(device));
    const over = () => {
      this.#timers.delete(device);
      this.#onOver();
    };
    this.#timers.set(device, setTimeout(over, this.#graceMs).unref());
  }

  #end(device: string): void {
    clearTimeout(this.#timers.get(device));
    this.#timers.delete(device);
  }
}
