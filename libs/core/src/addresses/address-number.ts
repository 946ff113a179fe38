import ipaddr from 'ipaddr.js';

/** The IP versions. */
export type Family = 4 | 6;

/** The version of a canonical address or network. */
export function familyOf(text: string): Family {
  return text.includes(':') ? 6 : 4;
}

/** A valid address as a number, by which addresses are counted and compared. */
export function addressNumber(text: string): bigint {
  return ipaddr
    .parse(text)
    .toByteArray()
    .reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

/** The canonical text of {@link addressNumber}. */
export function numberAddress(number: bigint, family: Family): string {
  const size = family === 4 ? 4 : 16;
  const bytes = Array.from({ length: size }, (_, index) =>
    Number((number >> BigInt(8 * (size - 1 - index))) & 0xffn),
  );
  return ipaddr.fromByteArray(bytes).toString();
}

/** Consecutive addresses, both ends included. */
export interface AddressSpan {
  readonly first: bigint;
  readonly last: bigint;
}

/** All addresses of a valid network `address/length`. */
export function networkSpan(network: string): AddressSpan {
  const [address = '', length = '0'] = network.split('/');
  const bits = BigInt((familyOf(address) === 4 ? 32 : 128) - Number(length));
  const first = (addressNumber(address) >> bits) << bits;
  return { first, last: first + (1n << bits) - 1n };
}

/** What is left of spans, in ascending order, without others. */
export function without(spans: readonly AddressSpan[], taken: readonly AddressSpan[]): AddressSpan[] {
  return taken.reduce<AddressSpan[]>(
    (left, { first, last }) =>
      left.flatMap((span) => {
        if (last < span.first || first > span.last) return [span];
        return [
          ...(first > span.first ? [{ first: span.first, last: first - 1n }] : []),
          ...(last < span.last ? [{ first: last + 1n, last: span.last }] : []),
        ];
      }),
    [...spans].sort((a, b) => (a.first < b.first ? -1 : 1)),
  );
}

/**
 * The first address after `after` that is not taken; begins again at the lowest when the end is reached.
 *
 * @param spans in ascending order
 * @param after undefined: from the beginning
 * @returns undefined when all are taken
 */
export function nextFree(
  spans: readonly AddressSpan[],
  after: bigint | undefined,
  isTaken: (number: bigint) => boolean,
): bigint | undefined {
  const start = after === undefined ? -1n : after;
  const rounds = [
    spans.map(({ first, last }) => ({ first: first > start ? first : start + 1n, last })),
    spans.map(({ first, last }) => ({ first, last: last < start ? last : start })),
  ];
  for (const span of rounds.flat()) {
    for (let number = span.first; number <= span.last; number++) {
      if (!isTaken(number)) return number;
    }
  }
  return undefined;
}
