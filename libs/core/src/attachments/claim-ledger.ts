import type { ClaimJournal } from './claim-journal.ts';
import type { AttachmentRecord, ClaimRecord, FailureRecord } from './claim-record.ts';

/**
 * The prepared claims in memory, each change of which is journalled. What another instance journals is seen at the next look, which costs
 * a microsecond when there is nothing new.
 */
export class ClaimLedger {
  readonly #journal: ClaimJournal;
  #records = new Map<string, ClaimRecord>();

  constructor(journal: ClaimJournal) {
    this.#journal = journal;
  }

  /**
   * Takes up what the journal holds.
   *
   * @param bootId the current boot's; records of another boot describe links that no longer exist and are forgotten
   * @returns the forgotten records
   */
  load(bootId: string): readonly ClaimRecord[] {
    const records = this.#journal.load();
    const stale = records.filter((record) => record.bootId !== bootId);
    for (const { claim } of stale) this.#journal.remove(claim.uid);
    this.#records = byUID(records.filter((record) => record.bootId === bootId));
    return stale;
  }

  /** A prepared claim; undefined when it is not prepared. */
  get(claimUID: string): ClaimRecord | undefined {
    return this.#current().get(claimUID);
  }

  /** All prepared claims. */
  all(): readonly ClaimRecord[] {
    return [...this.#current().values()];
  }

  /**
   * The claims reserved for a pod or attached to it, in the order in which they are attached: by the names that the pod has for them, which
   * are the same whenever the pod is made. A claim that is no template's is known by its own name.
   */
  ofPod(podUID: string): readonly ClaimRecord[] {
    return this.all()
      .filter(
        (record) =>
          record.podUIDs.includes(podUID) ||
          record.attachments.some(({ sandbox }) => sandbox.podUID === podUID),
      )
      .sort(inOrderOfAttaching);
  }

  /**
   * Records a claim in memory and in the journal.
   *
   * @throws JournalWriteError when the journal refuses it; memory then has the earlier record, as the journal does
   */
  put(record: ClaimRecord): void {
    this.#journal.write(record);
    // What others have written meanwhile is seen at the next look, this with it.
    this.#records.set(record.claim.uid, record);
  }

  /**
   * Records where a claim's devices are for one pod, from now on; `undefined` when they are no longer there. What has failed before is
   * forgotten.
   */
  putAttachment(
    record: ClaimRecord,
    podUID: string,
    attachment?: Omit<AttachmentRecord, 'since'>,
  ): ClaimRecord {
    const others = record.attachments.filter(({ sandbox }) => sandbox.podUID !== podUID);
    const { failure: _, ...kept } = record;
    const changed = {
      ...kept,
      attachments: attachment ? [...others, { ...attachment, since: Date.now() }] : others,
    };
    this.put(changed);
    return changed;
  }

  /** Records why work on a claim's attachments has failed, if it is still prepared. */
  putFailure(claimUID: string, failure: FailureRecord): void {
    const record = this.get(claimUID);
    if (record !== undefined) this.put({ ...record, failure });
  }

  /** Forgets a claim. */
  remove(claimUID: string): void {
    this.#journal.remove(claimUID);
    this.#records.delete(claimUID);
  }

  /** UIDs of claims that another instance knows, and this one only by name. */
  foreign(): ReadonlySet<string> {
    this.#current();
    return this.#journal.foreign;
  }

  /** See {@link ClaimJournal.unfinishedWrites}. */
  unfinishedWrites(): readonly string[] {
    return this.#journal.unfinishedWrites();
  }

  /** See {@link ClaimJournal.removeUnfinishedWrite}. */
  removeUnfinishedWrite(name: string): void {
    this.#journal.removeUnfinishedWrite(name);
  }

  #current(): Map<string, ClaimRecord> {
    const changed = this.#journal.changedByOthers();
    if (changed !== undefined) this.#records = byUID(changed);
    return this.#records;
  }
}

/** Compares the claims of a pod. By code points: the same order in every process, whatever its locale. */
export function inOrderOfAttaching(a: ClaimRecord, b: ClaimRecord): number {
  const [left = '', right = ''] = [a, b].map(({ podClaimName, claim }) =>
    [podClaimName ?? claim.name, claim.uid].join('\0'),
  );
  return left < right ? -1 : 1;
}

function byUID(records: readonly ClaimRecord[]): Map<string, ClaimRecord> {
  return new Map(records.map((record) => [record.claim.uid, record]));
}
