import type { CdiDevice } from './cdi-spec.ts';

/** What a store needs. */
export interface CdiSpecStoreOptions {
  /** `/var/run/cdi` on a node. */
  readonly directory: string;
  /** Such as the driver's name. */
  readonly vendor: string;
  readonly class: string;
}

/** One CDI specification file per claim. */
export class CdiSpecStore {
  constructor(_options: CdiSpecStoreOptions) {}
  /** Writes and returns the qualified names. */
  write(_id: string, _devices: readonly CdiDevice[]): Promise<string[]> {
    throw new Error('not yet');
  }
  /** Removes. */
  remove(_id: string): Promise<void> {
    throw new Error('not yet');
  }
  /** Ids of this store's files. */
  list(): Promise<string[]> {
    throw new Error('not yet');
  }
}
