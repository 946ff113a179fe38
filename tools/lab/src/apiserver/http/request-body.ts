import type { IncomingMessage } from 'node:http';
import { parse } from 'yaml';
import { badRequest, StatusError, unsupportedMediaType } from '../status-error.ts';

/** What the real server takes at most. */
const MAX_BODY_BYTES = 3 * 1024 * 1024;

/** Media types of objects, and of patches by what they do. */
const OBJECT_TYPES = ['application/json', 'application/yaml'];
/** Partial changes: RFC 7386, and server-side apply. */
export const PATCH_TYPES = ['application/merge-patch+json', 'application/apply-patch+yaml'] as const;

/** A request's body: parsed, with its media type; `value` is undefined when there was none. */
export interface RequestBody {
  value: unknown;
  contentType: string;
}

/** Reads and parses the body. Throws 413 for too much, 415 for a media type that the method does not take, 400 for bad syntax. */
export async function readBody(request: IncomingMessage): Promise<RequestBody> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > MAX_BODY_BYTES) {
      throw new StatusError(
        413,
        'RequestEntityTooLarge',
        `Request entity too large: limit is ${String(MAX_BODY_BYTES)}`,
      );
    }
    chunks.push(bytes);
  }
  const contentType = (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? '';
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return { value: undefined, contentType };
  const accepted: readonly string[] = request.method === 'PATCH' ? PATCH_TYPES : OBJECT_TYPES;
  const type = contentType === '' && request.method !== 'PATCH' ? 'application/json' : contentType;
  if (!accepted.includes(type)) throw unsupportedMediaType(accepted);
  return { value: parseText(text, type), contentType: type };
}

function parseText(text: string, type: string): unknown {
  try {
    // JSON is YAML too, and much faster to read as what it is.
    const isYaml = type.endsWith('yaml') && !text.startsWith('{');
    return isYaml ? (parse(text) as unknown) : (JSON.parse(text) as unknown);
  } catch (error) {
    throw badRequest(`error decoding the body: ${error instanceof Error ? error.message : String(error)}`);
  }
}
