import type protobuf from 'protobufjs/light.js';

/** The values of a protobuf enum as words: SCHED_FLAG_KEEP_POLICY is 'keep-policy'. */
export interface EnumWords {
  readonly wordOf: ReadonlyMap<number, string>;
  readonly numberOf: ReadonlyMap<string, number>;
}

/** Drops the prefix that all names share, so that a word says nothing that its type already says. */
export function enumWords(type: protobuf.Enum): EnumWords {
  const names = Object.keys(type.values);
  const prefix = sharedPrefix(names);
  const wordOf = new Map<number, string>();
  const numberOf = new Map<string, number>();
  for (const name of names) {
    const number = type.values[name] ?? 0;
    const word = name.slice(prefix.length).toLowerCase().replaceAll('_', '-');
    wordOf.set(number, word);
    numberOf.set(word, number);
  }
  return { wordOf, numberOf };
}

function sharedPrefix(names: readonly string[]): string {
  const first = names[0] ?? '';
  for (let end = first.lastIndexOf('_') + 1; end > 0; end = first.lastIndexOf('_', end - 2) + 1) {
    const prefix = first.slice(0, end);
    if (names.every((name) => name.startsWith(prefix))) return prefix;
  }
  return '';
}
