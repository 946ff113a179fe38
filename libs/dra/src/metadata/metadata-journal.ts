import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createWhole } from './metadata-file.ts';
import type { MetadataRecord } from './metadata-record.ts';

const recordName = /^\.record-(\d+)$/;

/** A claim's latest record and its place in the sequence. */
export interface JournalEntry {
  /** 0 when there is none yet. */
  readonly sequence: number;
  /** Missing when there is none that counts. */
  readonly record?: MetadataRecord;
}

/**
 * The latest record in a claim's directory; one of another boot or another version does not count.
 *
 * @returns undefined when the directory does not exist
 */
export function latestRecord(directory: string, bootId: string): JournalEntry | undefined {
  for (;;) {
    const sequences = sequencesIn(directory);
    if (sequences === undefined) return undefined;
    const sequence = Math.max(0, ...sequences);
    if (sequence === 0) return { sequence };
    const text = unlessMissing(() => readFileSync(pathOf(directory, sequence), 'utf8'));
    // Replaced since the directory was read.
    if (text === undefined) continue;
    const record = parse(text, bootId);
    return { sequence, ...(record === undefined ? {} : { record }) };
  }
}

/**
 * Makes `record` the latest one, unless another process has added one after `after`. Nothing is synced: records of a boot that ended in a
 * crash do not count.
 *
 * @returns whether it is the latest one now
 * @throws file system errors, ENOENT when the directory is missing.
 */
export function appendRecord(directory: string, after: number, record: MetadataRecord): boolean {
  const sequence = after + 1;
  const path = pathOf(directory, sequence);
  if (!createWhole(path, Buffer.from(JSON.stringify(record)), 0o600)) return false;
  const sequences = sequencesIn(directory) ?? [];
  // Another process may have added this very number and the next one, and deleted this one as obsolete, before it was added here.
  if (Math.max(...sequences) > sequence) {
    rmSync(path, { force: true });
    return false;
  }
  for (const old of sequences.filter((one) => one < sequence))
    rmSync(pathOf(directory, old), { force: true });
  return true;
}

function sequencesIn(directory: string): number[] | undefined {
  const names = unlessMissing(() => readdirSync(directory));
  return names?.flatMap((name) => {
    const sequence = recordName.exec(name)?.[1];
    return sequence === undefined ? [] : [Number(sequence)];
  });
}

function pathOf(directory: string, sequence: number): string {
  return join(directory, `.record-${sequence}`);
}

/** Its own process wrote it whole in this boot, or it does not count: two members tell. */
function parse(text: string, bootId: string): MetadataRecord | undefined {
  try {
    const record = JSON.parse(text) as MetadataRecord | null;
    return record?.schema === 1 && record.bootId === bootId ? record : undefined;
  } catch {
    return undefined;
  }
}

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
