import { setTimeout as pause } from 'node:timers/promises';
import { errorFields } from '../../errors/driver-errors.ts';
import type { Logger } from '../../logging/logger.ts';
import type { ClaimAttacher } from '../claim-attacher.ts';
import type { ClaimLedger } from '../claim-ledger.ts';
import type { ClaimLocks } from '../claim-locks.ts';
import type { ContainerGate } from '../container-gate.ts';
import type { NodeInspector } from './node-inspector.ts';
import { planRepair, type RepairAction } from './repair-plan.ts';

/** What a repair is made for. */
export type RepairOccasion = 'start' | 'synchronize' | 'unprepare' | 'timer' | 'command';

/** What became of one action. */
export interface RepairOutcome {
  readonly action: RepairAction;
  /** Why it failed; it is tried again soon. */
  readonly error?: unknown;
}

/** What a {@link Repairer} works with. */
export interface RepairerOptions {
  readonly inspector: Pick<NodeInspector, 'inspect'>;
  readonly ledger: ClaimLedger;
  readonly attacher: ClaimAttacher;
  readonly gate: ContainerGate;
  /** Shared with the attacher. */
  readonly claims: ClaimLocks;
  readonly logger: Logger;
  /** Told of each action that was tried. */
  readonly onOutcome?: (outcome: RepairOutcome, occasion: RepairOccasion) => void;
}

/** After a turn in which something failed, in milliseconds; doubled with each further one, up to the usual interval. */
const firstRetryMs = 1_000;

/** By how much the pauses between two turns differ, so that nodes that were started together do not repair together. */
const jitter = 0.2;

/**
 * Compares journal, kernel and runtime, and brings them together. Each action only holds up work on its own claim, so that repairs, of this
 * instance or another, may run side by side: what the one has done, the other finds done.
 */
export class Repairer {
  readonly #options: RepairerOptions;
  #wake: (() => void) | undefined;
  #wanted = false;
  /** How many turns in a row something could not be repaired. */
  #failedTurns = 0;
  /** When to try that again, in milliseconds of `performance.now`. */
  #retryAt = Infinity;

  constructor(options: RepairerOptions) {
    this.#options = options;
  }

  /** What would be done now. */
  async plan(signal: AbortSignal): Promise<readonly RepairAction[]> {
    return planRepair(await this.#options.inspector.inspect(signal));
  }

  /** Does it. Failures are logged and told, never thrown: one thing that cannot be repaired does not keep the others from it. */
  async repair(occasion: RepairOccasion, signal: AbortSignal): Promise<readonly RepairOutcome[]> {
    const outcomes: RepairOutcome[] = [];
    for (const action of await this.plan(signal)) {
      signal.throwIfAborted();
      outcomes.push(await this.#try(action, occasion, signal));
    }
    this.#scheduleRetry(outcomes.some(({ error }) => error !== undefined));
    return outcomes;
  }

  /** What fails is often over soon: a namespace that is dying still has a link, for some milliseconds, which another pod is to get. */
  #scheduleRetry(failed: boolean): void {
    this.#failedTurns = failed ? this.#failedTurns + 1 : 0;
    this.#retryAt = failed ? performance.now() + firstRetryMs * 2 ** (this.#failedTurns - 1) : Infinity;
    if (failed) this.#wake?.();
  }

  /** Has {@link run} repair soon instead of when it is time. */
  soon(): void {
    this.#wanted = true;
    this.#wake?.();
  }

  /**
   * Repairs from time to time until the signal is aborted.
   *
   * @param intervalMs mean time between two repairs, in milliseconds
   */
  async run(intervalMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const occasion = await this.#occasion(intervalMs * (1 + jitter * (2 * Math.random() - 1)), signal);
      if (signal.aborted) return;
      await this.repair(occasion, signal).catch((error: unknown) => {
        if (signal.aborted) return;
        this.#options.logger.error(errorFields(error), 'looking for what to repair failed');
      });
    }
  }

  async #occasion(ms: number, signal: AbortSignal): Promise<RepairOccasion> {
    const regular = performance.now() + ms;
    for (;;) {
      const left = Math.min(regular, this.#retryAt) - performance.now();
      if (signal.aborted || this.#wanted || left <= 0) break;
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      const either = AbortSignal.any([signal, woken.signal]);
      await pause(Math.ceil(left), undefined, { signal: either, ref: false }).catch(() => {});
      this.#wake = undefined;
    }
    const occasion = this.#wanted ? 'unprepare' : 'timer';
    this.#wanted = false;
    return occasion;
  }

  async #try(action: RepairAction, occasion: RepairOccasion, signal: AbortSignal): Promise<RepairOutcome> {
    const { logger, onOutcome } = this.#options;
    const fields = { occasion, ...actionFields(action) };
    let outcome: RepairOutcome;
    try {
      await this.#carryOut(action, signal);
      logger.info(fields, 'repaired');
      outcome = { action };
    } catch (error) {
      logger.error({ ...fields, ...errorFields(error) }, 'repairing failed; it will be tried again');
      outcome = { action, error };
    }
    onOutcome?.(outcome, occasion);
    return outcome;
  }

  /** Each is looked at again with its claim's lock: it may have been done by others since it was planned. */
  async #carryOut(action: RepairAction, signal: AbortSignal): Promise<void> {
    const { attacher, claims, ledger, gate } = this.#options;
    switch (action.kind) {
      case 'detach':
        return attacher.detach(action.claim.uid, action.sandbox.podUID, signal, action.sandbox);
      case 'attach':
        return attacher.attach(action.claim.uid, action.sandbox, signal);
      case 'restore':
        return attacher.restore(action.claim.uid, action.sandbox, action.interfaceNames, signal);
      case 'close gate':
        return claims.run(action.claim.uid, async () => {
          if (ledger.get(action.claim.uid)?.attachments.length === 0) gate.close(action.claim);
        });
      case 'remove':
        return action.leftover.remove();
    }
  }
}

/** An action for a log line. */
function actionFields(action: RepairAction): object {
  if (action.kind === 'remove') {
    const { what, name } = action.leftover;
    return { action: action.kind, what, name, reason: action.reason };
  }
  return {
    action: action.kind,
    claimUID: action.claim.uid,
    claim: `${action.claim.namespace}/${action.claim.name}`,
    ...('sandbox' in action ? { podUID: action.sandbox.podUID } : {}),
    ...('interfaceNames' in action ? { interfaceNames: action.interfaceNames } : {}),
    reason: action.reason,
  };
}
