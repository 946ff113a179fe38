/** How well a device works, as its driver last said (KEP-4680). */
export type HealthState = 'healthy' | 'unhealthy' | 'unknown';

/** A device's health as the kubelet knows it. */
export interface DeviceHealth {
  /** Also `unknown` when the driver has said nothing for longer than the report holds. */
  readonly health: HealthState;
  /** The driver's words, 1,024 characters at most; empty without any, and for a report that no longer holds. */
  readonly message: string;
}

/** What a driver reports about one device. */
export interface HealthReport extends DeviceHealth {
  readonly pool: string;
  readonly device: string;
  /** How long the report holds, in ms. */
  readonly timeoutMs: number;
}

const unknown: DeviceHealth = { health: 'unknown', message: '' };

/**
 * The kubelet's cache of devices' health, by driver, pool and device. As in the kubelet, the time of a report is that of its arrival, and
 * a device that is missing from a report stays as it was until its own time is up.
 */
export class DeviceHealthCache {
  readonly #drivers = new Map<string, Map<string, HealthReport & { readonly at: number }>>();

  /** Takes a driver's complete list in. */
  report(driverName: string, reports: readonly HealthReport[]): void {
    const devices =
      this.#drivers.get(driverName) ?? new Map<string, HealthReport & { readonly at: number }>();
    this.#drivers.set(driverName, devices);
    const at = performance.now();
    for (const report of reports) devices.set(key(report.pool, report.device), { ...report, at });
  }

  /** Forgets all devices of a driver, as the kubelet does when any stream of the driver ends, also while another instance has one open. */
  clear(driverName: string): void {
    this.#drivers.delete(driverName);
  }

  /** A device's health now. */
  get(driverName: string, pool: string, device: string): DeviceHealth {
    const known = this.#drivers.get(driverName)?.get(key(pool, device));
    if (known === undefined || performance.now() - known.at > known.timeoutMs) return unknown;
    return { health: known.health, message: known.message };
  }
}

function key(pool: string, device: string): string {
  // Neither a pool's nor a device's name can contain this.
  return `${pool}\0${device}`;
}
