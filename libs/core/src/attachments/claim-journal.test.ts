import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../logging/logger.ts';
import { ClaimJournal } from './claim-journal.ts';
import type { ClaimRecord } from './claim-record.ts';

let root: string;
let directory: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'journal-'));
  directory = join(root, 'claims');
});
afterEach(() => rmSync(root, { recursive: true }));

function claimRecord(uid: string): ClaimRecord {
  return {
    version: 1,
    bootId: 'boot',
    claim: { uid, namespace: 'default', name: `claim-${uid}` },
    podUIDs: ['pod'],
    devices: [
      {
        kind: 'veth',
        pool: 'node/veth',
        device: {
          name: 'blue-0',
          identity: 'veth/blue-0',
          attributes: { 'patchbay.dev/mtu': { int: 1500 } },
        },
        request: 'net',
        adminAccess: false,
        interfaceName: 'blue-0',
        prepared: { nested: { list: [1, 'two', null] } },
      },
    ],
    attachments: [],
  };
}

describe('ClaimJournal', () => {
  it('reads back in another process what was written', () => {
    new ClaimJournal(directory, silentLogger).write(claimRecord('a'));
    new ClaimJournal(directory, silentLogger).write(claimRecord('b'));
    const records = new ClaimJournal(directory, silentLogger).load();
    expect(records.map(({ claim }) => claim.uid).sort()).toEqual(['a', 'b']);
    expect(records.find(({ claim }) => claim.uid === 'a')).toEqual(claimRecord('a'));
  });

  it('replaces the record of a claim and leaves no temporary file', () => {
    const journal = new ClaimJournal(directory, silentLogger);
    journal.write(claimRecord('a'));
    journal.write({ ...claimRecord('a'), podUIDs: ['other'] });
    expect(readdirSync(directory)).toEqual(['a.json']);
    expect(journal.load()[0]?.podUIDs).toEqual(['other']);
  });

  it('forgets a claim, and succeeds when it knows nothing of it', () => {
    const journal = new ClaimJournal(directory, silentLogger);
    journal.write(claimRecord('a'));
    journal.remove('a');
    journal.remove('a');
    expect(journal.load()).toEqual([]);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, 40)],
    ['of another version', (text: string) => text.replace('"version":1', '"version":2')],
    ['with an unknown field', (text: string) => text.replace('{', '{"extra":1,')],
    ['empty', () => ''],
  ])('sets a record aside that is %s, reports it, and reads the others', (_what, damage) => {
    const reports: object[] = [];
    const logger: Logger = { ...silentLogger, error: (fields) => reports.push(fields) };
    const journal = new ClaimJournal(directory, logger);
    journal.write(claimRecord('good'));
    journal.write(claimRecord('bad'));
    const path = join(directory, 'bad.json');
    writeFileSync(path, damage(readFileSync(path, 'utf8')));

    expect(journal.load().map(({ claim }) => claim.uid)).toEqual(['good']);
    expect(reports).toEqual([expect.objectContaining({ file: path })]);
    expect(readdirSync(join(directory, 'unreadable'))).toHaveLength(1);
    expect(journal.load().map(({ claim }) => claim.uid)).toEqual(['good']);
  });

  it('removes the temporary file of a write that was cut off', () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'a.json.tmp'), '{"versi');
    expect(new ClaimJournal(directory, silentLogger).load()).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('tells of what another instance has written or removed, once, and not of its own', () => {
    const [first, second] = [0, 1].map(() => new ClaimJournal(directory, silentLogger));
    first!.load();
    second!.load();
    first!.write(claimRecord('a'));
    expect(first!.changedByOthers()).toBeUndefined();
    expect(second!.changedByOthers()?.map(({ claim }) => claim.uid)).toEqual(['a']);
    expect(second!.changedByOthers()).toBeUndefined();
    second!.write(claimRecord('b'));
    first!.write(claimRecord('c'));
    expect(first!.changedByOthers()).toHaveLength(3);
    second!.remove('a');
    expect(
      first!
        .changedByOthers()
        ?.map(({ claim }) => claim.uid)
        .sort(),
    ).toEqual(['b', 'c']);
  });

  it('reads again only the files that another instance has written', () => {
    const [first, second] = [0, 1].map(() => new ClaimJournal(directory, silentLogger));
    first!.write(claimRecord('a'));
    first!.write(claimRecord('b'));
    const before = second!.changedByOthers();
    first!.write({ ...claimRecord('b'), podUIDs: ['other'] });
    const after = second!.changedByOthers();
    const of = (records: readonly ClaimRecord[] | undefined, uid: string) =>
      records?.find(({ claim }) => claim.uid === uid);
    expect(of(after, 'a')).toBe(of(before, 'a'));
    expect(of(after, 'b')?.podUIDs).toEqual(['other']);
  });

  it('leaves a record that only another instance can read to that one', () => {
    const [older, newer] = [0, 1].map(() => new ClaimJournal(directory, silentLogger));
    older!.load();
    newer!.write({ ...claimRecord('new'), version: 2 } as unknown as ClaimRecord);
    newer!.write(claimRecord('old'));
    expect(older!.changedByOthers()?.map(({ claim }) => claim.uid)).toEqual(['old']);
    expect(readdirSync(directory).sort()).toEqual(['new.json', 'old.json']);
  });

  it('keeps the earlier record when a write fails', () => {
    const journal = new ClaimJournal(directory, silentLogger);
    journal.write(claimRecord('a'));
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    expect(() => journal.write(claimRecord('a'))).toThrow(/cannot write .*a\.json/);
  });
});
