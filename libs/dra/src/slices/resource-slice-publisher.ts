import { type RateLimit, TokenBucket } from '../events/token-bucket.ts';
import { isApiError } from '../kube/api-error.ts';
import { Backoff } from '../kube/backoff.ts';
import type { BackoffOptions } from '../kube/backoff.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import { Reflector } from '../kube/reflector.ts';
import { WakeUp } from '../kube/wake-up.ts';
import { silentLogger } from '../logger.ts';
import type { Logger } from '../logger.ts';
import {
  forgetResourceApiVersion,
  resourceApiPath,
  resourceApiVersion,
} from '../resource-api/resource-api-version.ts';
import type { ResourceApiVersion } from '../resource-api/resource-api-version.ts';
import { sliceFromServer } from '../resource-api/slice-shape.ts';
import { AcceptedContent } from './accepted-content.ts';
import type { DevicePool } from './device.ts';
import type { DeviceHomes } from './divide-devices.ts';
import { planPool } from './plan-pool.ts';
import type { PoolPlan, SliceOwner } from './plan-pool.ts';
import { FieldsDroppedError, PoolPublishError } from './publish-errors.ts';
import type { ResourceSlice, ResourceSliceSpec } from './resource-slice.ts';
import { SliceClient } from './slice-client.ts';
import { validatePools } from './validate-pools.ts';
import type { ValidatedPools } from './validate-pools.ts';

/** Whose slices are published, where, and who hears of problems. */
export interface ResourceSlicePublisherOptions {
  readonly api: KubeApi;
  readonly driverName: string;
  readonly nodeName: string;
  readonly logger?: Logger;
  /**
   * Told about everything that keeps the desired state from being published: each failed attempt (`PoolPublishError`, or what the API
   * server answered to list and watch), and once each what was left out (`DeviceInvalidError`), what is ambiguous
   * (`DuplicateNameError`) and what the server dropped (`FieldsDroppedError`).
   */
  readonly onError?: (error: Error) => void;
  /** Told whenever all slices are about to be read anew: at first, and after something that may mean another API server. */
  readonly onRelist?: () => void;
  /**
   * How often changed devices are written: a burst at once, then one round after another at this pace, each with the latest state.
   * Default: without limit. For devices whose state may change many times a second.
   */
  readonly writes?: RateLimit;
  /** Between attempts after a failure, and between corrections of what others change again and again. */
  readonly backoff?: BackoffOptions;
}

const defaultBackoff: BackoffOptions = { initialMs: 250, maximumMs: 60_000 };
/** How long to wait for more changes by others before correcting them. */
const gatherMs = 50;
/** After so long without a correction the next one is made without delay. */
const peaceMs = 300_000;

/**
 * Keeps the ResourceSlices of one driver on one node as desired, whoever else changes or deletes them (the kubelet wipes them when it
 * restarts). Nothing is written when nothing differs, so a restarted driver that finds its slices in place leaves no trace.
 *
 * Ending `run` leaves the slices where they are: a restart must not make devices vanish for the scheduler. To withdraw everything,
 * `update([])` and wait for `settled()` first. A pool without devices is published as one empty slice.
 */
export class ResourceSlicePublisher {
  readonly #options: ResourceSlicePublisherOptions;
  readonly #logger: Logger;
  readonly #owner: SliceOwner;
  readonly #client: SliceClient;
  readonly #reflector: Reflector<ResourceSlice>;
  readonly #accepted = new AcceptedContent();
  readonly #wakeUp = new WakeUp();
  readonly #retries: Backoff;
  readonly #corrections: Backoff;
  readonly #writes: TokenBucket | undefined;
  #version: ResourceApiVersion = 'v1';
  #desired: ValidatedPools | undefined;
  #updated = false;
  #notBefore = 0;
  #correctAt: number | undefined;
  #lastCorrection = 0;
  #correctionPause = 0;
  /** By pool, as of the last time that all was well. */
  readonly #homes = new Map<string, DeviceHomes>();
  readonly #dropsReported = new Set<string>();
  #reported = new Set<string>();
  #waiting: (() => void)[] = [];
  #settled = true;

  constructor(options: ResourceSlicePublisherOptions) {
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    this.#owner = { driverName: options.driverName, nodeName: options.nodeName };
    this.#client = new SliceClient(options.api, this.#owner);
    this.#writes = options.writes && new TokenBucket(options.writes);
    const backoff = options.backoff ?? defaultBackoff;
    this.#retries = new Backoff(backoff);
    this.#corrections = new Backoff({ ...backoff, initialMs: backoff.initialMs * 4 });
    this.#reflector = new Reflector<ResourceSlice>({
      api: options.api,
      path: async () => {
        options.onRelist?.();
        this.#version = await resourceApiVersion(options.api);
        return resourceApiPath(options.api, '/resourceslices');
      },
      query: { fieldSelector: `spec.driver=${options.driverName},spec.nodeName=${options.nodeName}` },
      transform: (object) => sliceFromServer(this.#version, object),
      onChange: () => this.#wakeUp.wake(),
      onError: (error) => {
        if (isApiError(error, 404)) forgetResourceApiVersion(options.api);
        this.#logger.warn({ err: error }, 'watching ResourceSlices failed, trying again');
        options.onError?.(error);
      },
      backoff,
    });
  }

  /**
   * Sets the desired state: all pools of this driver on this node; slices of any other pool are deleted. Returns at once, the API server
   * follows in the background. Until the first call nothing is touched.
   */
  update(pools: readonly DevicePool[]): void {
    const validated = validatePools(pools);
    this.#desired = validated;
    this.#updated = true;
    this.#settled = false;
    this.#notBefore = 0;
    this.#retries.reset();
    this.#reportNew(validated.problems);
    this.#wakeUp.wake();
  }

  /** Publishes until the signal is aborted; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const watching = this.#reflector.run(signal);
    let delay: number | undefined;
    while (!signal.aborted) {
      await this.#wakeUp.sleep(signal, delay);
      if (signal.aborted || !this.#reflector.synced) continue;
      try {
        delay = await this.#reconcile(signal);
      } catch (error) {
        // Only a mistake in this library comes here. The slices of the other pools must not depend on it.
        this.#failed('(any)', error);
        delay = this.#retries.next();
      }
    }
    await watching;
  }

  /** Resolves when the API server has everything that was last passed to `update` and can be published. */
  settled(): Promise<void> {
    return this.#settled ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Does what is to be done now; returns after how many ms to look again without being woken. */
  async #reconcile(signal: AbortSignal): Promise<number | undefined> {
    const desired = this.#desired;
    if (desired === undefined) return undefined;
    const plans = this.#plan(desired);
    const wanted = this.#updated;
    const wait = plans.length === 0 ? 0 : this.#waitBeforeWriting(wanted);
    if (wait > 0) return wait;
    this.#updated = false;
    this.#correctAt = undefined;
    let retryAfter: number | undefined;
    for (const { pool, plan } of plans) {
      try {
        await this.#execute(pool, plan, signal);
      } catch (error) {
        if (signal.aborted) return undefined;
        retryAfter = Math.max(retryAfter ?? 0, this.#failed(pool, error));
      }
    }
    if (retryAfter !== undefined) {
      this.#updated ||= wanted;
      // Our own successful writes wake the loop too, so the pause has to be kept by the clock.
      const pause = this.#retries.next(retryAfter);
      this.#notBefore = Date.now() + pause;
      return pause;
    }
    this.#retries.reset();
    this.#accepted.retain(this.#reflector.items());
    if (this.#desired === desired) this.#settle();
    return undefined;
  }

  /** How long to keep still, in ms: after a failure, and before undoing what others did. */
  #waitBeforeWriting(wanted: boolean): number {
    const now = Date.now();
    if (wanted) return this.#notBefore > now ? this.#notBefore - now : (this.#writes?.takeOrWait() ?? 0);
    if (this.#correctAt === undefined) {
      // Two writers that do not agree must not keep the API server busy; a long peace forgives. And whoever deletes slices usually
      // deletes several.
      if (now - this.#lastCorrection > peaceMs) this.#corrections.reset();
      const pause = this.#corrections.failures === 0 ? 0 : this.#lastCorrection + this.#correctionPause - now;
      this.#correctAt = now + Math.max(pause, gatherMs);
      this.#correctionPause = this.#corrections.next();
    }
    const wait = Math.max(this.#correctAt, this.#notBefore) - now;
    if (wait <= 0) this.#lastCorrection = now;
    return wait;
  }

  #plan(desired: ValidatedPools): { pool: string; plan: PoolPlan }[] {
    const existing = new Map<string, ResourceSlice[]>(desired.pools.map(({ name }) => [name, []]));
    for (const slice of this.#reflector.items()) {
      const { name } = slice.spec.pool;
      existing.set(name, [...(existing.get(name) ?? []), slice]);
    }
    for (const name of this.#homes.keys()) if (!existing.has(name)) this.#homes.delete(name);
    const pools = new Map(desired.pools.map((pool) => [pool.name, pool]));
    return [...existing].flatMap(([name, slices]) => {
      if (desired.untouchable.has(name)) return [];
      const pool = pools.get(name);
      const plan =
        pool === undefined
          ? { deletes: slices, updates: [], creates: [] }
          : planPool(
              this.#owner,
              pool,
              slices,
              (slice, spec) => this.#accepted.same(slice, spec),
              this.#homes.get(name),
            );
      if (plan.deletes.length + plan.updates.length + plan.creates.length > 0) return [{ pool: name, plan }];
      this.#homes.set(name, homesOf(slices));
      return [];
    });
  }

  async #execute(pool: string, plan: PoolPlan, signal: AbortSignal): Promise<void> {
    for (const slice of plan.deletes) {
      await this.#refreshOnConflict(slice, signal, () => this.#client.delete(slice, signal));
      this.#reflector.forget(slice.metadata.uid);
    }
    for (const { existing, spec } of plan.updates) {
      await this.#refreshOnConflict(existing, signal, async () => {
        this.#took(pool, spec, await this.#client.update(existing, spec, signal));
      });
    }
    for (const { index, spec } of plan.creates) {
      this.#took(pool, spec, await this.#client.create(index, spec, signal));
    }
    const counts = {
      deleted: plan.deletes.length,
      updated: plan.updates.length,
      created: plan.creates.length,
    };
    this.#logger.info({ pool, ...counts }, 'published ResourceSlices');
  }

  /** After a write that found another version than expected, look at that version at once instead of waiting for the watch. */
  async #refreshOnConflict(
    slice: ResourceSlice,
    signal: AbortSignal,
    write: () => Promise<void>,
  ): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (isApiError(error, 404, 409)) {
        const current = await this.#client.read(slice, signal);
        if (current?.metadata.uid === slice.metadata.uid) this.#reflector.observe(current);
        else this.#reflector.forget(slice.metadata.uid);
      }
      throw error;
    }
  }

  #took(pool: string, sent: ResourceSliceSpec, received: Parameters<typeof sliceFromServer>[1]): void {
    const fields = this.#accepted.record(sent, sliceFromServer(this.#version, received));
    const problem = fields.length === 0 ? undefined : new FieldsDroppedError(pool, fields);
    if (problem !== undefined && !this.#dropsReported.has(problem.message)) {
      this.#dropsReported.add(problem.message);
      this.#report(problem);
    }
    this.#reflector.observe(received);
  }

  /** Reports a failed attempt; returns how long the server asks to wait, in ms. */
  #failed(pool: string, thrown: unknown): number {
    const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
    // Someone else was faster; the next attempt knows the new state. Nobody needs to hear of it.
    if (isApiError(cause, 409)) return 0;
    const error = new PoolPublishError(pool, cause);
    this.#logger.warn({ pool, err: error }, 'publishing ResourceSlices failed, trying again');
    this.#options.onError?.(error);
    return isApiError(cause) ? (cause.retryAfterSeconds ?? 0) * 1000 : 0;
  }

  /** Reports what the previous desired state did not have. */
  #reportNew(problems: readonly Error[]): void {
    problems
      .filter(({ message }) => !this.#reported.has(message))
      .forEach((problem) => this.#report(problem));
    this.#reported = new Set(problems.map(({ message }) => message));
  }

  #report(problem: Error): void {
    this.#logger.warn({ err: problem }, 'part of the desired ResourceSlices cannot be published');
    this.#options.onError?.(problem);
  }

  #settle(): void {
    this.#settled = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

function homesOf(slices: readonly ResourceSlice[]): DeviceHomes {
  return new Map(
    slices.flatMap(({ metadata, spec }) =>
      (spec.devices ?? []).map(({ name }) => [name, metadata.uid] as const),
    ),
  );
}
