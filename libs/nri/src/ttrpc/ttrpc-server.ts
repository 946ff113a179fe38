import { decodeRequest, encodeFailure, encodeReply } from './ttrpc-envelope.ts';
import type { TtrpcRequest } from './ttrpc-envelope.ts';
import { statusCodes, TtrpcRejection } from './ttrpc-error.ts';
import { TtrpcDecoder } from './ttrpc-decoder.ts';
import type { TtrpcMessage } from './ttrpc-frame.ts';
import { encodeTtrpcMessage, maximumTtrpcData, messageTypes } from './ttrpc-frame.ts';

/** What a server answers with, and where. */
export interface TtrpcServerOptions {
  /** Takes one message per call. */
  send(message: Uint8Array): void;
  /**
   * Returns the encoded reply message; calls overlap. Errors become UNKNOWN with their message, except for the code of a
   * {@link TtrpcRejection}: a code that a handler passes on from elsewhere could be UNIMPLEMENTED, after which NRI runtimes call again.
   */
  handle(request: TtrpcRequest): Uint8Array | Promise<Uint8Array>;
  /** After the reply was sent; `startedAt` is `performance.now()` of the request's arrival. */
  onAnswered?(request: TtrpcRequest, startedAt: number, error: Error | undefined): void;
}

/** Longer texts would not pass through the gRPC trailers that they end up in. */
const maximumErrorText = 4096;

/** The serving end of a ttrpc connection: unary calls, answered in the order in which they finish. */
export class TtrpcServer {
  readonly #options: TtrpcServerOptions;
  readonly #decoder: TtrpcDecoder;
  readonly #running = new Map<number, TtrpcRequest>();
  #idle: (() => void) | undefined;

  constructor(options: TtrpcServerOptions) {
    this.#options = options;
    this.#decoder = new TtrpcDecoder({
      onMessage: (message) => this.#receive(message),
      onOversized: (streamId, type, length) => {
        if (type !== messageTypes.request) return;
        const text = `the request has ${length} bytes, allowed are ${maximumTtrpcData}`;
        this.#sendFailure(streamId, statusCodes.resourceExhausted, text);
      },
    });
  }

  /** The next bytes from the client, cut anywhere. */
  receive(bytes: Buffer): void {
    this.#decoder.push(bytes);
  }

  /** Methods of requests that were not answered yet. */
  get unanswered(): readonly string[] {
    return [...this.#running.values()].map((request) => request.method);
  }

  /** Resolves when no request is unanswered. */
  idle(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => (this.#idle = resolve));
  }

  #receive(message: TtrpcMessage): void {
    const { streamId } = message;
    if (message.type !== messageTypes.request) return;
    const startedAt = performance.now();
    let request: TtrpcRequest;
    try {
      request = acceptRequest(message);
    } catch (error) {
      this.#sendFailure(streamId, codeOf(error), textOf(error));
      return;
    }
    this.#running.set(streamId, request);
    let reply: Uint8Array | Promise<Uint8Array>;
    try {
      reply = this.#options.handle(request);
    } catch (error) {
      this.#answer(streamId, request, startedAt, undefined, error);
      return;
    }
    if (reply instanceof Uint8Array) {
      this.#answer(streamId, request, startedAt, reply, undefined);
    } else {
      reply.then(
        (payload) => this.#answer(streamId, request, startedAt, payload, undefined),
        (error: unknown) => this.#answer(streamId, request, startedAt, undefined, error),
      );
    }
  }

  #answer(
    streamId: number,
    request: TtrpcRequest,
    startedAt: number,
    payload: Uint8Array | undefined,
    failure: unknown,
  ): void {
    let error = failure;
    if (payload === undefined) {
      error ??= new Error(`${request.method} failed without a reason`);
    } else {
      const data = encodeReply(payload);
      if (data.length <= maximumTtrpcData) {
        this.#options.send(encodeTtrpcMessage(streamId, messageTypes.response, data));
      } else {
        const text = `the reply to ${request.method} has ${data.length} bytes, allowed are ${maximumTtrpcData}`;
        error = new TtrpcRejection(statusCodes.resourceExhausted, text);
      }
    }
    if (error !== undefined) this.#sendFailure(streamId, codeOf(error), textOf(error));
    this.#running.delete(streamId);
    this.#options.onAnswered?.(request, startedAt, error === undefined ? undefined : asError(error));
    if (this.#running.size === 0) this.#idle?.();
  }

  #sendFailure(streamId: number, code: number, text: string): void {
    const short = text.length <= maximumErrorText ? text : `${text.slice(0, maximumErrorText - 2)} …`;
    this.#options.send(encodeTtrpcMessage(streamId, messageTypes.response, encodeFailure(code, short)));
  }
}

function acceptRequest({ streamId, flags, data }: TtrpcMessage): TtrpcRequest {
  if (streamId % 2 !== 1) {
    throw new TtrpcRejection(
      statusCodes.invalidArgument,
      `stream id ${streamId} is even; clients’ ids are odd`,
    );
  }
  // Flag 2: the caller keeps the stream open for more data.
  if ((flags & 2) !== 0) throw new TtrpcRejection(statusCodes.unimplemented, 'streams are not implemented');
  return decodeRequest(data);
}

function codeOf(error: unknown): number {
  return error instanceof TtrpcRejection ? error.code : statusCodes.unknown;
}

function textOf(error: unknown): string {
  const { message, name } = asError(error);
  const text = message === '' ? name : message;
  if (!(error instanceof AggregateError)) return text;
  return [text, ...error.errors.map((inner: unknown) => textOf(inner))].join('; ');
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
