import { RequestInvalidError } from './request-invalid-error.ts';

/** Version of the internet protocol. */
export type AddressFamily = 4 | 6;

/** Address families by their number on the wire (`AF_*`, linux/socket.h). */
export const familyNumbers = { 4: 2, 6: 10 } as const;

/** An address with the length of its prefix. */
export interface IpPrefix {
  readonly family: AddressFamily;
  readonly bytes: Uint8Array;
  readonly length: number;
}

/** The family of an `AF_*` number; undefined for others than IP. */
export function familyOf(number: number): AddressFamily | undefined {
  return number === familyNumbers[4] ? 4 : number === familyNumbers[6] ? 6 : undefined;
}

/** Parses an IPv4 or IPv6 address without zone. */
export function parseIpAddress(text: string, field: string): Uint8Array {
  const bytes = text.includes(':') ? parseIpv6(text) : parseIpv4(text);
  if (bytes === undefined) throw new RequestInvalidError(field, text, 'an IPv4 or IPv6 address');
  return bytes;
}

/** The family of a parsed address. */
export function familyOfBytes(bytes: Uint8Array): AddressFamily {
  return bytes.length === 4 ? 4 : 6;
}

/** Parses `address/length`; without a length, the whole address. */
export function parseIpPrefix(text: string, field: string): IpPrefix {
  const slash = text.indexOf('/');
  const bytes = parseIpAddress(slash === -1 ? text : text.slice(0, slash), field);
  const lengthText = slash === -1 ? String(bytes.length * 8) : text.slice(slash + 1);
  const length = Number(lengthText);
  // Compared as text: without what `Number` makes of leading zeros, exponents and nothing at all.
  if (!(length >= 0 && length <= bytes.length * 8) || String(Math.trunc(length)) !== lengthText) {
    throw new RequestInvalidError(
      field,
      text,
      `an address with a prefix length of at most ${bytes.length * 8}`,
    );
  }
  return { family: familyOfBytes(bytes), bytes, length };
}

/** Writes an address of 4 or 16 bytes in canonical form (RFC 5952); undefined for other lengths. */
export function formatIpAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return bytes.length === 16 ? formatIpv6(bytes) : undefined;
}

/** The address of all zeros. */
export function unspecifiedAddress(family: AddressFamily): string {
  return family === 4 ? '0.0.0.0' : '::';
}

function parseIpv4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let index = 0;
  let value = -1;
  let digits = 0;
  for (let position = 0; position <= text.length; position++) {
    const code = position === text.length ? 0x2e : text.charCodeAt(position);
    if (code === 0x2e) {
      if (digits === 0 || index === 4) return undefined;
      bytes[index++] = value;
      value = -1;
      digits = 0;
      continue;
    }
    const digit = code - 0x30;
    // Leading zeros are octal to some programs and decimal to others.
    if (digit < 0 || digit > 9 || value === 0) return undefined;
    value = digits === 0 ? digit : value * 10 + digit;
    if (value > 255) return undefined;
    digits++;
  }
  return index === 4 ? bytes : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  let head = text;
  let tail: Uint8Array | undefined;
  const lastColon = text.lastIndexOf(':');
  if (text.includes('.')) {
    tail = parseIpv4(text.slice(lastColon + 1));
    if (tail === undefined) return undefined;
    // The groups that the dotted part stands for keep the rest's shape.
    head = `${text.slice(0, lastColon + 1)}0:0`;
  }
  const halves = head.split('::');
  if (halves.length > 2) return undefined;
  const [left = [], right = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right];
  const bytes = new Uint8Array(16);
  for (let index = 0; index < 8; index++) {
    const group = groups[index] ?? '';
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes[2 * index] = value >> 8;
    bytes[2 * index + 1] = value & 0xff;
  }
  if (tail !== undefined) bytes.set(tail, 12);
  return bytes;
}

function formatIpv6(bytes: Uint8Array): string {
  if (isMappedIpv4(bytes)) return `::ffff:${bytes[12]}.${bytes[13]}.${bytes[14]}.${bytes[15]}`;
  let bestStart = -1;
  let bestLength = 1;
  let runStart = -1;
  for (let group = 0; group < 8; group++) {
    if (bytes[2 * group] === 0 && bytes[2 * group + 1] === 0) {
      if (runStart === -1) runStart = group;
      // One zero group alone is not shortened, and of equal runs the first one is.
      if (group - runStart + 1 > bestLength) {
        bestStart = runStart;
        bestLength = group - runStart + 1;
      }
    } else {
      runStart = -1;
    }
  }
  let text = '';
  for (let group = 0; group < 8; group++) {
    if (group === bestStart) {
      text += '::';
      group += bestLength - 1;
      continue;
    }
    if (text !== '' && !text.endsWith(':')) text += ':';
    text += (((bytes[2 * group] ?? 0) << 8) | (bytes[2 * group + 1] ?? 0)).toString(16);
  }
  return text;
}

function isMappedIpv4(bytes: Uint8Array): boolean {
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return false;
  return bytes[10] === 0xff && bytes[11] === 0xff;
}
