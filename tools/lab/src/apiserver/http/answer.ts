import type { ServerResponse } from 'node:http';
import { internalError, StatusError } from '../status-error.ts';

/** What a request is answered with: an object, or a Status. */
export interface Answer {
  readonly code: number;
  readonly body: object;
  /** Each becomes a `Warning` header, which clients show to their users. */
  readonly warnings?: readonly string[];
}

/** A Status that says that all went well. */
export function success(code: number): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code };
}

/** Sends an answer. */
export function send(response: ServerResponse, { code, body, warnings = [] }: Answer): void {
  const text = JSON.stringify(body);
  if (warnings.length > 0) {
    response.setHeader(
      'warning',
      warnings.map((warning) => `299 - ${JSON.stringify(warning)}`),
    );
  }
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Answers with the Status of an error; anything but a StatusError is a 500. */
export function sendError(response: ServerResponse, error: unknown): void {
  const { status } =
    error instanceof StatusError
      ? error
      : internalError(error instanceof Error ? error.message : String(error));
  const seconds = status.details?.retryAfterSeconds;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (seconds !== undefined) response.setHeader('retry-after', String(seconds));
  send(response, { code: status.code, body: status });
}
