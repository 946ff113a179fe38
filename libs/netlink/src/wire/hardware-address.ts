import { RequestInvalidError } from './request-invalid-error.ts';

/** In bytes (`MAX_ADDR_LEN`, linux/netdevice.h). */
const longest = 32;

/** Parses a link-layer address, such as `02:00:5e:10:00:01`, of any length up to 32 bytes. */
export function parseHardwareAddress(text: string, field: string): Uint8Array {
  const bytes = Buffer.from(text.replaceAll(':', ''), 'hex');
  if (bytes.length > longest || formatHardwareAddress(bytes) !== text.toLowerCase()) {
    throw new RequestInvalidError(field, text, 'a link-layer address like 02:00:5e:10:00:01');
  }
  return bytes;
}

/** Writes a link-layer address in lower case; undefined when it has no bytes. */
export function formatHardwareAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return undefined;
  let text = hexPairs[bytes[0] ?? 0] ?? '';
  for (let index = 1; index < bytes.length; index++) text += `:${hexPairs[bytes[index] ?? 0]}`;
  return text;
}

const hexPairs = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));
