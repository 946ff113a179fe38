import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appendRecord, latestRecord } from './metadata-journal.ts';
import type { MetadataRecord } from './metadata-record.ts';

describe('metadata journal', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'journal-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const record = (name: string): MetadataRecord => ({
    ...{ schema: 1, bootId: 'boot', namespace: 'default' },
    ...{ name, requests: [] },
  });

  it('has one record at a time, the latest', async () => {
    expect(latestRecord(directory, 'boot')).toEqual({ sequence: 0 });
    expect(appendRecord(directory, 0, record('a'))).toBe(true);
    expect(appendRecord(directory, 1, record('b'))).toBe(true);
    expect(latestRecord(directory, 'boot')).toEqual({ sequence: 2, record: record('b') });
    expect(readdirSync(directory)).toEqual(['.record-2']);
  });

  it('of several processes that add after the same record one succeeds', async () => {
    appendRecord(directory, 0, record('a'));
    const results = await Promise.all(
      ['b', 'c', 'd'].map((name) => appendRecord(directory, 1, record(name))),
    );
    expect(results.filter(Boolean)).toHaveLength(1);
    expect(latestRecord(directory, 'boot')?.sequence).toBe(2);
    expect(readdirSync(directory)).toEqual(['.record-2']);
  });

  it('one that is late adds nothing, although its number is free again', async () => {
    for (const [after, name] of ['a', 'b', 'c'].entries()) appendRecord(directory, after, record(name));
    expect(appendRecord(directory, 1, record('late'))).toBe(false);
    expect(latestRecord(directory, 'boot')).toEqual({ sequence: 3, record: record('c') });
    expect(readdirSync(directory)).toEqual(['.record-3']);
  });

  it('says when the claim has no directory', async () => {
    rmSync(directory, { recursive: true });
    expect(latestRecord(directory, 'boot')).toBeUndefined();
    expect(() => appendRecord(directory, 0, record('a'))).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
  });
});
