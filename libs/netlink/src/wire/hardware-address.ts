import { RequestInvalidError } from './request-invalid-error.ts';

/** Parses a link-layer address, such as `02:00:5e:10:00:01`, of any length up to 32 bytes. */
export function parseHardwareAddress(text: string, field: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){0,31}$/i.test(text)) {
    throw new RequestInvalidError(field, text, 'a link-layer address like 02:00:5e:10:00:01');
  }
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}

/** Writes a link-layer address in lower case; undefined when it has no bytes. */
export function formatHardwareAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  let text = hexPairs[bytes[0] ?? 0] ?? '';
  for (let index = 1; index < bytes.length; index++) text += `:${hexPairs[bytes[index] ?? 0]}`;
  return text;
}

const hexPairs = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));
