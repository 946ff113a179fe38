import { SystemCallError } from '../system/system-error.ts';
import { NetlinkError } from './netlink-error.ts';
import type { NetlinkSocket } from './netlink-socket.ts';

/** What collects the answers to what was sent. */
export interface Replies {
  /** Takes a received datagram and says whether it was the last one. */
  take(buffer: Buffer, length: number): boolean;
}

/** The largest datagram that the kernel makes for a dump is 32 KiB; one link with many virtual functions may be larger. */
const receiveSize = 256 * 1024;
const asynchronousReceiveSize = 64 * 1024;
const eio = 5;
const emsgsize = 90;
let receiveMemory: Buffer | undefined;

/**
 * Reads answers that are in the socket already, until the last one. What is left after a failure is read and dropped.
 *
 * @throws what `replies` throws; NetlinkError with code EIO when answers are missing
 */
export function receiveReplies(socket: NetlinkSocket, replies: Replies): void {
  const buffer = (receiveMemory ??= Buffer.allocUnsafeSlow(receiveSize));
  try {
    for (let done = false; !done;) done = takeDatagram(buffer, socket.receive(buffer), replies);
  } catch (error) {
    drain(socket, buffer);
    throw error;
  }
}

/** As {@link receiveReplies}, for dumps, on threads of libuv's pool: the kernel makes each piece as it is asked for, which may wait for a lock. */
export async function receiveRepliesAsync(socket: NetlinkSocket, replies: Replies): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(asynchronousReceiveSize);
  try {
    for (let done = false; !done;) done = takeDatagram(buffer, await socket.receiveAsync(buffer), replies);
  } catch (error) {
    drain(socket, buffer);
    throw error;
  }
}

function takeDatagram(buffer: Buffer, length: number | undefined, replies: Replies): boolean {
  if (length === undefined)
    throw new NetlinkError('receiving', eio, 'the kernel sent fewer answers than expected');
  if (length > buffer.length) throw new SystemCallError(`receiving a message of ${length} bytes`, emsgsize);
  return replies.take(buffer, length);
}

function drain(socket: NetlinkSocket, buffer: Buffer): void {
  try {
    while (socket.receive(buffer) !== undefined);
  } catch {
    // The first failure is the one to report.
  }
}
