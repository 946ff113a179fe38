import type { AllocatedClaim, ClaimReference } from '../claims/allocated-claim.ts';
import { ClaimBatch } from '../claims/claim-batch.ts';
import { DeviceHeldError } from '../claims/device-holds.ts';
import type { DeviceHolds } from '../claims/device-holds.ts';
import { KeyedQueue } from '../claims/keyed-queue.ts';
import { describeError } from '../describe-error.ts';
import type { Logger } from '../logger.ts';
import type { DraDriver, PreparedDevice } from './dra-driver.ts';

/** How one claim fared. */
export type ClaimOutcome =
  | { readonly devices: readonly PreparedDevice[]; readonly error?: undefined }
  | { readonly devices?: undefined; readonly error: string };

/** One finished claim operation, for metrics. */
export interface DraRequest {
  readonly method: 'prepare' | 'unprepare';
  readonly claimUID: string;
  readonly durationMs: number;
  readonly error?: Error;
}

/** What the operations work with. */
export interface ClaimOperationsOptions {
  readonly driver: DraDriver;
  readonly resolve: (claim: ClaimReference, signal: AbortSignal) => Promise<AllocatedClaim>;
  readonly holds: DeviceHolds;
  readonly logger: Logger;
  readonly onRequest: (request: DraRequest) => void;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/**
 * Prepares and unprepares claims: side by side for different claims, strictly one after the other for the same claim, so that a retry
 * never meets its cancelled predecessor half-way.
 */
export class ClaimOperations {
  readonly #options: ClaimOperationsOptions;
  readonly #queue = new KeyedQueue();

  constructor(options: ClaimOperationsOptions) {
    this.#options = options;
  }

  /** Prepares every claim; one that fails does not keep the others from succeeding. */
  prepare(claims: readonly ClaimReference[], signal: AbortSignal): Promise<Record<string, ClaimOutcome>> {
    // A claim with an earlier operation under way must not hold the others up.
    const once = new Map(claims.map((claim) => [claim.uid, claim]));
    const together = new Set([...once.values()].filter(({ uid }) => !this.#queue.busy(uid)));
    const batch = new ClaimBatch(together.size, signal);
    return this.#each('prepare', claims, signal, (claim) =>
      this.#prepareClaim(claim, signal, together.has(claim) ? batch : undefined),
    );
  }

  /** Unprepares every claim, without asking the API server. */
  unprepare(claims: readonly ClaimReference[], signal: AbortSignal): Promise<Record<string, ClaimOutcome>> {
    return this.#each('unprepare', claims, signal, (claim) =>
      this.#options.inTurn(async () => {
        await this.#options.driver.unprepareClaim(claim, signal);
        this.#options.holds.release(claim.uid);
        return [];
      }),
    );
  }

  /** Resolves when no operation is under way. */
  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #each(
    method: DraRequest['method'],
    claims: readonly ClaimReference[],
    signal: AbortSignal,
    work: (claim: ClaimReference) => Promise<readonly PreparedDevice[]>,
  ): Promise<Record<string, ClaimOutcome>> {
    const entries = claims.map(async (claim): Promise<[string, ClaimOutcome]> => {
      const started = performance.now();
      const finish = (error?: Error) => {
        const durationMs = performance.now() - started;
        this.#options.onRequest({ method, claimUID: claim.uid, durationMs, ...(error ? { error } : {}) });
        return durationMs;
      };
      const fields = { claimUID: claim.uid, claim: `${claim.namespace}/${claim.name}`, method };
      try {
        const devices = await this.#queue.run(claim.uid, () => {
          signal.throwIfAborted();
          return work(claim);
        });
        this.#options.logger.info({ ...fields, durationMs: finish() }, 'claim operation succeeded');
        return [claim.uid, { devices }];
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        this.#options.logger.error(
          { ...fields, durationMs: finish(error), err: error },
          'claim operation failed',
        );
        return [claim.uid, { error: describeError(error) }];
      }
    });
    return Object.fromEntries(await Promise.all(entries));
  }

  async #prepareClaim(
    reference: ClaimReference,
    signal: AbortSignal,
    batch: ClaimBatch | undefined,
  ): Promise<readonly PreparedDevice[]> {
    let claim: AllocatedClaim;
    try {
      claim = await this.#options.resolve(reference, signal);
    } catch (error) {
      batch?.giveUp();
      throw error;
    }
    await batch?.come(claim);
    return this.#options.inTurn(async () => {
      // The turn may have come after the kubelet gave up, and the pod may be gone.
      signal.throwIfAborted();
      const taken = await this.#hold(claim);
      try {
        return await this.#options.driver.prepareClaim(claim, signal);
      } catch (error) {
        // Only what this attempt took: an earlier success of the same claim keeps its devices. So does one of which only the rest failed.
        const prepared = (await this.#options.driver.isPrepared?.(claim.uid)) ?? false;
        if (taken && !prepared) this.#options.holds.release(claim.uid);
        throw error;
      }
    });
  }

  async #hold(claim: AllocatedClaim): Promise<boolean> {
    for (;;) {
      try {
        return this.#options.holds.hold(claim.uid, claim.devices);
      } catch (error) {
        if (!(error instanceof DeviceHeldError)) throw error;
        // A claim that is being prepared right now is in no journal yet.
        if (this.#queue.busy(error.holder)) throw error;
        // During a rolling update the other instance may have unprepared what this one prepared.
        const stillPrepared = (await this.#options.driver.isPrepared?.(error.holder)) ?? true;
        if (stillPrepared || this.#queue.busy(error.holder)) throw error;
        this.#options.holds.release(error.holder);
      }
    }
  }
}
