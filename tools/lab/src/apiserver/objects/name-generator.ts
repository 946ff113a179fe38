import { randomInt } from 'node:crypto';

/** Letters and digits that form no words (apimachinery util/rand). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const SUFFIX_LENGTH = 5;
/** The prefix is cut so that the whole name has at most 63 characters. */
const MAX_PREFIX_LENGTH = 63 - SUFFIX_LENGTH;
const ATTEMPTS = 8;

/** A name from metadata.generateName: the prefix and five random characters. The last attempt may still be taken. */
export function generateName(prefix: string, taken: (name: string) => boolean): string {
  const base = prefix.slice(0, MAX_PREFIX_LENGTH);
  let name = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    name = base + Array.from({ length: SUFFIX_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
    if (!taken(name)) break;
  }
  return name;
}
