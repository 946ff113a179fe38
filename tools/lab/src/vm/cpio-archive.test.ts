import { describe, expect, test } from 'vitest';
import { cpioArchive } from './cpio-archive.ts';

/** The member at an offset: its fields by position (buffer-format.rst), its name, and where the next one begins. */
function memberAt(archive: Buffer, offset: number) {
  const header = archive.toString('latin1', offset, offset + 110);
  const values = [...header.slice(6).matchAll(/.{8}/g)].map(([field]) => parseInt(field, 16));
  const [, mode = 0, , , , , size = 0, , , major, minor, length = 0] = values;
  const content = offset + Math.ceil((110 + length) / 4) * 4 - (offset % 4);
  return {
    magic: header.slice(0, 6),
    mode,
    device: [major, minor],
    name: archive.toString('utf8', offset + 110, offset + 109 + length),
    content: archive.subarray(content, content + size),
    next: content + Math.ceil(size / 4) * 4,
  };
}

describe('cpioArchive', () => {
  test('writes members that can be read one after the other, up to the trailer', () => {
    const archive = cpioArchive([
      { kind: 'directory', path: 'bin' },
      { kind: 'file', path: 'bin/tool', content: Buffer.from([0, 1, 255, 10, 13]), mode: 0o755 },
      { kind: 'file', path: 'plain', content: Buffer.from('four') },
      { kind: 'characterDevice', path: 'console', major: 5, minor: 1 },
    ]);
    const members: ReturnType<typeof memberAt>[] = [];
    for (let offset = 0; offset < archive.length; offset = members.at(-1)?.next ?? archive.length) {
      members.push(memberAt(archive, offset));
    }
    expect(members.every(({ magic }) => magic === '070701')).toBe(true);
    expect(members.map(({ name, mode }) => [name, mode.toString(8)])).toEqual([
      ['bin', '40755'],
      ['bin/tool', '100755'],
      ['plain', '100644'],
      ['console', '20600'],
      ['TRAILER!!!', '0'],
    ]);
    expect([...(members[1]?.content ?? [])]).toEqual([0, 1, 255, 10, 13]);
    expect(members[2]?.content.toString()).toBe('four');
    expect(members[3]?.device).toEqual([5, 1]);
  });
});
