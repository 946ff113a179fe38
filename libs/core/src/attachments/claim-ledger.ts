import type { ClaimJournal } from './claim-journal.ts';
import type { AttachmentRecord, ClaimRecord } from './claim-record.ts';

/** The prepared claims in memory, each change of which is journalled. */
export class ClaimLedger {
  readonly #journal: ClaimJournal;
  readonly #records = new Map<string, ClaimRecord>();

  constructor(journal: ClaimJournal) {
    this.#journal = journal;
  }

  /**
   * Takes up what the journal holds.
   *
   * @param bootId the current boot's; records of another boot describe links that no longer exist and are forgotten
   * @returns the forgotten records
   */
  async load(bootId: string): Promise<readonly ClaimRecord[]> {
    const stale: ClaimRecord[] = [];
    for (const record of await this.#journal.load()) {
      if (record.bootId === bootId) {
        this.#records.set(record.claim.uid, record);
      } else {
        stale.push(record);
        await this.#journal.remove(record.claim.uid);
      }
    }
    return stale;
  }

  /** A prepared claim; undefined when it is not prepared. */
  get(claimUID: string): ClaimRecord | undefined {
    return this.#records.get(claimUID);
  }

  /** All prepared claims. */
  all(): readonly ClaimRecord[] {
    return [...this.#records.values()];
  }

  /** The claims reserved for a pod or attached to it, in the order of their names: the same in every process. */
  ofPod(podUID: string): readonly ClaimRecord[] {
    return this.all()
      .filter(
        (record) =>
          record.podUIDs.includes(podUID) ||
          record.attachments.some(({ sandbox }) => sandbox.podUID === podUID),
      )
      .sort((a, b) => (a.claim.name < b.claim.name ? -1 : 1));
  }

  /**
   * Records a claim, in memory at once, and resolves when the journal has it.
   *
   * @throws JournalWriteError when the journal refuses it; memory then has the earlier record again, as the journal does
   */
  async put(record: ClaimRecord): Promise<void> {
    const { uid } = record.claim;
    const earlier = this.#records.get(uid);
    this.#records.set(uid, record);
    try {
      await this.#journal.write(record);
    } catch (error) {
      if (earlier === undefined) this.#records.delete(uid);
      else this.#records.set(uid, earlier);
      throw error;
    }
  }

  /** Records where a claim's devices are for one pod; `undefined` when they are no longer there. */
  async putAttachment(
    record: ClaimRecord,
    podUID: string,
    attachment?: AttachmentRecord,
  ): Promise<ClaimRecord> {
    const others = record.attachments.filter(({ sandbox }) => sandbox.podUID !== podUID);
    const changed = { ...record, attachments: attachment ? [...others, attachment] : others };
    await this.put(changed);
    return changed;
  }

  /** Forgets a claim. */
  async remove(claimUID: string): Promise<void> {
    await this.#journal.remove(claimUID);
    this.#records.delete(claimUID);
  }
}
