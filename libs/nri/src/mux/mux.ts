import type { Socket } from 'node:net';
import { MuxDecoder } from './mux-decoder.ts';
import { muxFrames } from './mux-frame.ts';

/** Several connections over one socket. Opening one is not announced to the other side: both know the ids. */
export class Mux {
  readonly #socket: Socket;
  readonly #receivers = new Map<number, (bytes: Buffer) => void>();

  /** @param onBytes says where the socket's bytes come from; they need not be valid longer than until they were received */
  constructor(
    socket: Socket,
    onBytes: (receive: (bytes: Buffer) => void) => unknown = (receive) => socket.on('data', receive),
  ) {
    this.#socket = socket;
    const decoder = new MuxDecoder((connectionId, bytes) => this.#receivers.get(connectionId)?.(bytes));
    onBytes((chunk) => {
      try {
        decoder.push(chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** Passes a connection's bytes to `receive`; an error that it throws closes the socket. Bytes of other connections are dropped. */
  onBytes(connectionId: number, receive: (bytes: Buffer) => void): void {
    this.#receivers.set(connectionId, receive);
  }

  /** Sends one message; after the socket is closed it does nothing. */
  send(connectionId: number, message: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(muxFrames(connectionId, message));
  }
}
