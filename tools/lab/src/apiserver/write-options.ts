import type { Caller } from './authorization/caller.ts';
import type { KubeObject } from './objects/kube-object.ts';

/** How a write is to be done. */
export interface WriteOptions {
  readonly caller: Caller;
  /** The field manager: of the query, or the user agent up to its first slash. */
  readonly fieldManager: string;
  /** Apply only: take fields from other managers. */
  readonly force: boolean;
  /** Does everything but store. */
  readonly dryRun: boolean;
  /** Refuses unknown fields with 400 instead of dropping them. */
  readonly strict: boolean;
}

/** Conditions under which a delete may happen, and how long the deletion may take. */
export interface DeleteOptions {
  readonly caller: Caller;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Seconds; pods only. 0 removes at once. */
  readonly gracePeriodSeconds?: number;
}

/** An object as it is stored after a write. */
export interface Written {
  readonly object: KubeObject;
  /** Fields that the API does not know and that were dropped. */
  readonly unknownFields: readonly string[];
  readonly created: boolean;
}
