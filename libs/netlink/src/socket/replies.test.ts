import { describe, expect, it } from 'vitest';
import { BatchReplies } from './batch-replies.ts';
import { DumpReplies } from './dump-replies.ts';
import { NetlinkError } from './netlink-error.ts';

const requests = [{ operation: 'link set' }, { operation: 'address add' }, { operation: 'route add' }];

/** A message with a sequence number; errors carry errno, the header of the request, and text. */
function message(type: number, sequence: number, flags = 0, content: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + content.length, 0);
  header.writeUInt16LE(type, 4);
  header.writeUInt16LE(flags, 6);
  header.writeInt32LE(sequence, 8);
  return Buffer.concat([header, content]);
}

function acknowledgement(sequence: number, errno = 0, text = ''): Buffer {
  const content = Buffer.alloc(20);
  content.writeInt32LE(-errno, 0);
  content.writeUInt32LE(100, 4);
  if (text === '') return message(2, sequence, 0x100, content);
  const attribute = Buffer.alloc(4 + ((text.length + 4) & ~3));
  attribute.writeUInt16LE(5 + text.length, 0);
  attribute.writeUInt16LE(1, 2);
  attribute.write(text, 4);
  return message(2, sequence, 0x300, Buffer.concat([content, attribute]));
}

function take(replies: { take(buffer: Buffer, length: number): boolean }, bytes: Buffer): boolean {
  return replies.take(bytes, bytes.length);
}

describe('the answers to a batch', () => {
  it('are complete with the last request, and good when none failed', () => {
    const replies = new BatchReplies(requests, 7);
    expect(take(replies, acknowledgement(9))).toBe(true);
    expect(() => replies.check()).not.toThrow();
  });

  it('report the first failure after all were read', () => {
    const replies = new BatchReplies(requests, 7);
    expect(take(replies, acknowledgement(8, 17, 'address already assigned'))).toBe(false);
    expect(take(replies, acknowledgement(9, 19))).toBe(true);
    try {
      replies.check();
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(NetlinkError);
      expect(error).toMatchObject({
        operation: 'address add',
        code: 'EEXIST',
        errno: 17,
        extack: 'address already assigned',
        messageIndex: 1,
        message: 'address add failed: EEXIST: address already assigned',
      });
    }
  });

  it('leave out what answers an earlier call', () => {
    const replies = new BatchReplies(requests, 7);
    expect(take(replies, acknowledgement(6, 1))).toBe(false);
    expect(take(replies, acknowledgement(9))).toBe(true);
    expect(() => replies.check()).not.toThrow();
  });

  it('are matched also when the sequence numbers wrap', () => {
    const replies = new BatchReplies(requests, 0x7fff_ffff);
    expect(take(replies, acknowledgement(-0x8000_0000, 1))).toBe(false);
    expect(take(replies, acknowledgement(-0x7fff_ffff))).toBe(true);
    expect(() => replies.check()).toThrow(/address add failed: EPERM/);
  });
});

describe('the answers to a dump', () => {
  const decode = ({ type }: { type: number }) => (type === 16 ? 'link' : undefined);

  it('are collected until it is done', () => {
    const replies = new DumpReplies('link list', 3, decode);
    expect(take(replies, Buffer.concat([message(16, 3, 2), message(16, 3, 2), message(99, 3, 2)]))).toBe(
      false,
    );
    expect(take(replies, Buffer.concat([message(16, 3, 2), message(3, 3, 2, Buffer.alloc(4))]))).toBe(true);
    expect(replies.objects).toEqual(['link', 'link', 'link']);
    expect(replies.interrupted).toBe(false);
  });

  it('tell when the state changed in between', () => {
    const replies = new DumpReplies('link list', 3, decode);
    take(replies, message(16, 3, 0x12));
    expect(replies.interrupted).toBe(true);
  });

  it('fail with what the kernel says, at the beginning and at the end', () => {
    const errno = Buffer.alloc(4);
    errno.writeInt32LE(-22);
    expect(() => take(new DumpReplies('link list', 3, decode), acknowledgement(3, 22, 'no'))).toThrow(
      'link list failed: EINVAL: no',
    );
    expect(() => take(new DumpReplies('link list', 3, decode), message(3, 3, 2, errno))).toThrow(
      'link list failed: EINVAL',
    );
  });
});
