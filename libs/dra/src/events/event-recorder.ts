import { isApiError } from '../kube/api-error.ts';
import { Backoff, pause } from '../kube/backoff.ts';
import type { BackoffOptions } from '../kube/backoff.ts';
import type { KubeApi } from '../kube/kube-api.ts';
import { Slots } from '../kube/slots.ts';
import { silentLogger } from '../logger.ts';
import type { Logger } from '../logger.ts';
import { eventBody, eventName, eventsPath, seriesBody } from './object-event.ts';
import type { EventReporter, ObjectEvent } from './object-event.ts';
import { TokenBucket } from './token-bucket.ts';
import type { RateLimit } from './token-bucket.ts';

/** Bounds of an `EventRecorder`; all have defaults. */
export interface EventLimits {
  /** Writes about one object for one reason: 25, then one every 5 minutes, as client-go allows them. */
  readonly perObjectAndReason?: RateLimit;
  /** Writes altogether: 100, then 10 a second. */
  readonly altogether?: RateLimit;
  /** Different events that are remembered, written or not: 1,000. */
  readonly remembered?: number;
  /** An event that occurs again after so many ms is a new one and no longer counted with the earlier: 6 minutes, as in client-go. */
  readonly seriesEndsAfterMs?: number;
  /** How long a write is retried, in ms: 5 minutes. News that are older help nobody. */
  readonly giveUpAfterMs?: number;
}

/** Who reports, where to, and who hears of problems. */
export interface EventRecorderOptions {
  readonly api: KubeApi;
  /** The events' `reportingController`. */
  readonly driverName: string;
  /** The events' `reportingInstance`. */
  readonly nodeName: string;
  readonly logger?: Logger;
  /** Told about every failed attempt. */
  readonly onError?: (error: Error) => void;
  readonly backoff?: BackoffOptions;
  readonly limits?: EventLimits;
}

/** One event that may have occurred several times: one object in the API server. */
interface Series {
  readonly event: ObjectEvent;
  readonly name: string;
  readonly firstSeenAt: number;
  lastSeenAt: number;
  count: number;
  /** How many of `count` are written or given up. */
  settled: number;
  /** Whether the API server has the object. */
  exists: boolean;
  /** Whether a loop works on it. */
  working: boolean;
}

const defaultBackoff: BackoffOptions = { initialMs: 500, maximumMs: 30_000 };
const defaultLimits: Required<EventLimits> = {
  perObjectAndReason: { burst: 25, refillMs: 300_000 },
  altogether: { burst: 100, refillMs: 100 },
  remembered: 1000,
  seriesEndsAfterMs: 360_000,
  giveUpAfterMs: 300_000,
};
const writesAtOnce = 4;
/** Objects and reasons whose rate is remembered: as many as in client-go. */
const mostBuckets = 4096;

/**
 * Reports events about pods and other objects (`events.k8s.io/v1`, in every cluster since Kubernetes 1.19) in the background. Events are
 * hints: each is written soon or not at all, and nothing ever waits for one.
 *
 * An event that occurs again is counted in the object that tells of it (`series`). What the rate limit holds back is told with the next
 * count; a new event beyond it is dropped.
 *
 * The service account needs `create` and `patch` on `events` in group `events.k8s.io`, in every namespace with objects to report about.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #limits: Required<EventLimits>;
  readonly #logger: Logger;
  readonly #reporter: EventReporter;
  /** Least recently seen first. */
  readonly #series = new Map<string, Series>();
  /** Least recently used first. */
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #all: TokenBucket;
  readonly #slots = new Slots(writesAtOnce);
  readonly #unsettled = new Set<Series>();
  /** HTTP statuses, or 0, that were complained about; troubles of the server only until the next success. */
  readonly #complaints = new Set<number>();
  #signal: AbortSignal | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#logger = options.logger ?? silentLogger;
    this.#reporter = { controller: options.driverName, instance: options.nodeName };
    this.#all = new TokenBucket(this.#limits.altogether);
  }

  /** Reports an event. Returns at once and never throws; too long texts are cut. After the end of `run` it does nothing. */
  record(event: ObjectEvent): void {
    if (this.#signal?.aborted === true) return;
    const now = Date.now();
    const { regarding, type, reason, action, note } = event;
    const { apiVersion, kind, namespace, name, uid } = regarding;
    const key = JSON.stringify([apiVersion, kind, namespace, name, uid, type, reason, action, note]);
    let series = this.#series.get(key);
    this.#series.delete(key);
    if (series !== undefined && now - series.lastSeenAt < this.#limits.seriesEndsAfterMs) {
      series.count += 1;
      series.lastSeenAt = now;
    } else {
      if (!this.#bucket(event).tryTake()) return this.#drop(event, 'too many about this object');
      if (!this.#makeRoom()) return this.#drop(event, 'too many are waiting');
      series = {
        ...{ event, name: eventName(regarding), firstSeenAt: now, lastSeenAt: now },
        ...{ count: 1, settled: 0, exists: false, working: false },
      };
    }
    this.#series.set(key, series);
    this.#work(series);
  }

  /** Writes until the signal is aborted; never rejects. What was recorded before is written first, what is not written at the end is lost. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    for (const series of this.#series.values()) this.#work(series);
    if (!signal.aborted) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    }
    for (const series of [...this.#unsettled]) this.#settle(series);
  }

  /** Resolves when everything recorded is written or given up, apart from counts that the rate limit holds back. */
  settled(): Promise<void> {
    return this.#unsettled.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#waiting.push(resolve));
  }

  #work(series: Series): void {
    if (series.working || series.settled === series.count) return;
    this.#unsettled.add(series);
    const signal = this.#signal;
    if (signal === undefined || signal.aborted) return;
    void this.#writeUntilSettled(series, signal);
  }

  async #writeUntilSettled(series: Series, signal: AbortSignal): Promise<void> {
    series.working = true;
    // The first occurrence has paid when it was recorded.
    let paid = series.settled === 0;
    while (series.settled < series.count && !signal.aborted) {
      if (!paid) {
        const wait = this.#bucket(series.event).reserve();
        if (wait > 0) this.#settle(series);
        await pause(wait, signal);
        this.#unsettled.add(series);
      }
      paid = false;
      await pause(this.#all.reserve(), signal);
      if (!signal.aborted) await this.#writeOnce(series, signal);
    }
    series.working = false;
    this.#settle(series);
  }

  /** Writes the present count, or gives it up. */
  async #writeOnce(series: Series, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(this.#options.backoff ?? defaultBackoff);
    const end = performance.now() + this.#limits.giveUpAfterMs;
    while (!signal.aborted) {
      let { count } = series;
      try {
        await this.#slots.run(() => {
          // Much may have happened since the slot was asked for.
          count = series.count;
          return this.#write(series, signal);
        });
        series.settled = count;
        for (const status of serverTroubles(this.#complaints)) this.#complaints.delete(status);
        return;
      } catch (error) {
        if (signal.aborted) return;
        const problem = error instanceof Error ? error : new Error(String(error));
        const seconds = isApiError(error) ? (error.retryAfterSeconds ?? 0) : 0;
        const wait = backoff.next(seconds * 1000);
        const again = retryable(problem) && performance.now() + wait < end;
        this.#failed(series, problem, again);
        if (!again) {
          series.settled = series.count;
          return;
        }
        await pause(wait, signal);
      }
    }
  }

  async #write(series: Series, signal: AbortSignal): Promise<void> {
    if (series.exists) {
      try {
        await this.#patch(series, signal);
        return;
      } catch (error) {
        // Events live for an hour since their last change, unless the API server is told otherwise.
        if (!isApiError(error, 404)) throw error;
        series.exists = false;
      }
    }
    const { event, name, firstSeenAt, count } = series;
    const path = eventsPath(event.regarding);
    const body = eventBody(event, this.#reporter, name, firstSeenAt, series);
    try {
      await this.#options.api.request({ method: 'POST', path, body, signal });
      series.exists = true;
    } catch (error) {
      // An earlier attempt whose answer was lost: only we make this name.
      if (!isApiError(error, 409)) throw error;
      series.exists = true;
      if (count > 1) await this.#patch(series, signal);
    }
  }

  async #patch(series: Series, signal: AbortSignal): Promise<void> {
    await this.#options.api.request({
      method: 'PATCH',
      path: `${eventsPath(series.event.regarding)}/${series.name}`,
      contentType: 'application/merge-patch+json',
      body: seriesBody(series),
      signal,
    });
  }

  /** Forgets what has not occurred for longest and is written; false when nothing is. */
  #makeRoom(): boolean {
    if (this.#series.size < this.#limits.remembered) return true;
    for (const [key, series] of this.#series) {
      if (series.settled < series.count) continue;
      this.#series.delete(key);
      return true;
    }
    return false;
  }

  #bucket({ regarding, reason }: ObjectEvent): TokenBucket {
    const { apiVersion, kind, namespace, name, uid } = regarding;
    const key = JSON.stringify([apiVersion, kind, namespace, name, uid, reason]);
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#limits.perObjectAndReason);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= mostBuckets) break;
      this.#buckets.delete(oldest);
    }
    return bucket;
  }

  #drop(event: ObjectEvent, why: string): void {
    this.#logger.debug({ ...fieldsOf(event), why }, 'event dropped');
  }

  #failed({ event }: Series, error: Error, again: boolean): void {
    const status = isApiError(error) ? error.status : 0;
    const fields = { ...fieldsOf(event), err: error };
    if (again) this.#logger.debug(fields, 'writing an event failed, trying again');
    else if (!this.#complaints.has(status)) {
      this.#complaints.add(status);
      this.#logger.warn(
        fields,
        'an event could not be written; further ones with the same answer are not logged',
      );
    }
    this.#options.onError?.(error);
  }

  #settle(series: Series): void {
    this.#unsettled.delete(series);
    if (this.#unsettled.size > 0) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Whether the same request may be answered better later: 403 also comes for a namespace that is being deleted, 404 for one that is. */
function retryable(error: Error): boolean {
  return !isApiError(error) || error.status >= 500 || isApiError(error, 401, 408, 429);
}

function serverTroubles(statuses: ReadonlySet<number>): number[] {
  return [...statuses].filter((status) => status === 0 || status >= 500);
}

function fieldsOf({ regarding, reason, note }: ObjectEvent): object {
  const { kind, namespace, name } = regarding;
  return { kind, namespace, name, reason, note };
}
