import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Logger, silentLogger } from '../logging/logger.ts';
import { ClaimJournal } from './claim-journal.ts';
import type { ClaimRecord } from './claim-record.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'journal-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

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
  it('reads back in another process what was written', async () => {
    await new ClaimJournal(directory, silentLogger).write(claimRecord('a'));
    await new ClaimJournal(directory, silentLogger).write(claimRecord('b'));
    const records = await new ClaimJournal(directory, silentLogger).load();
    expect(records.map(({ claim }) => claim.uid).sort()).toEqual(['a', 'b']);
    expect(records.find(({ claim }) => claim.uid === 'a')).toEqual(claimRecord('a'));
  });

  it('replaces the record of a claim and leaves no temporary file', async () => {
    const journal = new ClaimJournal(directory, silentLogger);
    await journal.write(claimRecord('a'));
    await journal.write({ ...claimRecord('a'), podUIDs: ['other'] });
    expect(readdirSync(directory)).toEqual(['a.json']);
    expect((await journal.load())[0]?.podUIDs).toEqual(['other']);
  });

  it('forgets a claim, and succeeds when it knows nothing of it', async () => {
    const journal = new ClaimJournal(directory, silentLogger);
    await journal.write(claimRecord('a'));
    await journal.remove('a');
    await journal.remove('a');
    expect(await journal.load()).toEqual([]);
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, 40)],
    ['of another version', (text: string) => text.replace('"version":1', '"version":2')],
    ['with an unknown field', (text: string) => text.replace('{', '{"extra":1,')],
    ['empty', () => ''],
  ])('sets a record aside that is %s, reports it, and reads the others', async (_what, damage) => {
    const reports: object[] = [];
    const logger: Logger = { ...silentLogger, error: (fields) => reports.push(fields) };
    const journal = new ClaimJournal(directory, logger);
    await journal.write(claimRecord('good'));
    await journal.write(claimRecord('bad'));
    const path = join(directory, 'bad.json');
    writeFileSync(path, damage(readFileSync(path, 'utf8')));

    expect((await journal.load()).map(({ claim }) => claim.uid)).toEqual(['good']);
    expect(reports).toEqual([expect.objectContaining({ file: path })]);
    expect(readdirSync(join(directory, 'unreadable'))).toHaveLength(1);
    expect((await journal.load()).map(({ claim }) => claim.uid)).toEqual(['good']);
  });

  it('removes the temporary file of a write that was cut off', async () => {
    writeFileSync(join(directory, 'a.json.tmp'), '{"versi');
    expect(await new ClaimJournal(directory, silentLogger).load()).toEqual([]);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('keeps the earlier record when a write fails', async () => {
    const journal = new ClaimJournal(directory, silentLogger);
    await journal.write(claimRecord('a'));
    rmSync(directory, { recursive: true });
    writeFileSync(directory, 'in the way');
    await expect(journal.write(claimRecord('a'))).rejects.toThrow(/cannot write .*a\.json/);
  });
});
