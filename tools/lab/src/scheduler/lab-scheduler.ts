import type { LabApiClient } from '../apiserver/lab-api-client.ts';

/** How a lab scheduler is set up. */
export interface LabSchedulerOptions {
  api: LabApiClient;
  /** Told about errors that it survives; by default they are dropped. */
  onError?: (error: unknown) => void;
}

/**
 * Stands in for the scheduler and for the claim controller: makes claims from templates, allocates the
 * claims of pods that have no node, reserves them, binds the pods, and releases everything when they are done.
 */
export class LabScheduler {
  readonly #options: LabSchedulerOptions;

  constructor(options: LabSchedulerOptions) {
    this.#options = options;
  }

  /** Starts watching; resolves when the present state has been read. */
  async start(): Promise<void> {
    void this.#options;
  }

  /** Stops watching; resolves when nothing is under way any more. */
  async stop(): Promise<void> {}
}
