/** How well one device works, as the pods that use it are told (KEP-4680). */
export interface DeviceHealth {
  readonly pool: string;
  readonly device: string;
  readonly health: 'healthy' | 'unhealthy' | 'unknown';
  /** For people; 1,024 characters are kept. */
  readonly message?: string;
}

/** Tunables of the feed. */
export interface DeviceHealthFeedOptions {
  /**
   * How long the kubelet believes a report before it calls the device unknown, in seconds; 30 (the kubelet's default) unless told
   * otherwise. Reports are repeated three times in that period.
   */
  readonly timeoutSeconds?: number;
}

const defaultTimeoutSeconds = 30;

/** Carries the health of all devices of a driver to every kubelet stream that is open, now and later. */
export class DeviceHealthFeed {
  /** As in the options, in seconds. */
  readonly timeoutSeconds: number;
  #devices: readonly DeviceHealth[] = [];
  readonly #listeners = new Set<(devices: readonly DeviceHealth[]) => void>();

  constructor(options: DeviceHealthFeedOptions = {}) {
    this.timeoutSeconds = options.timeoutSeconds ?? defaultTimeoutSeconds;
  }

  /** Replaces the complete list; devices that are missing from it become unknown. */
  report(devices: readonly DeviceHealth[]): void {
    this.#devices = devices;
    for (const listener of this.#listeners) listener(devices);
  }

  /** Calls `listener` now, on every report, and three times per time-out, until the returned function is called. */
  subscribe(listener: (devices: readonly DeviceHealth[]) => void): () => void {
    this.#listeners.add(listener);
    const timer = setInterval(() => listener(this.#devices), (this.timeoutSeconds * 1000) / 3);
    timer.unref();
    listener(this.#devices);
    return () => {
      clearInterval(timer);
      this.#listeners.delete(listener);
    };
  }
}
