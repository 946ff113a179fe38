import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.ts';
import type { FailedRequest } from './api-error.ts';
import type { KubernetesObject, WatchEvent } from './kubernetes-object.ts';

/**
 * Reads the events of a watch response: one JSON object per line. Ends with the response, or after `silenceTimeoutMs` without a byte,
 * since a connection that a firewall dropped looks just like one on which nothing happens.
 *
 * @throws ApiError for an `ERROR` event, which ends every watch that carries one.
 */
export async function* readWatchEvents<T extends KubernetesObject>(
  response: IncomingMessage,
  silenceTimeoutMs: number,
  request: FailedRequest,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  let silent = false;
  const silence = setTimeout(() => {
    silent = true;
    response.destroy();
  }, silenceTimeoutMs);
  try {
    let rest = '';
    response.setEncoding('utf8');
    for await (const chunk of response) {
      silence.refresh();
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (line.trim() !== '') yield parseEvent<T>(line, request);
      }
    }
  } catch (error) {
    if (!silent) throw error;
  } finally {
    clearTimeout(silence);
    response.destroy();
  }
}

function parseEvent<T extends KubernetesObject>(line: string, request: FailedRequest): WatchEvent<T> {
  const event = JSON.parse(line) as { type: string; object: { code?: number } & T };
  if (event.type === 'ERROR') throw new ApiError(request, event.object.code ?? 500, event.object);
  return { type: event.type as WatchEvent['type'], object: event.object };
}
