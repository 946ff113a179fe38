const FORM = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$/;

/** A version by semver.org 2.0.0, as device attributes of type `version` have. */
export class SemanticVersion {
  readonly major: bigint;
  readonly minor: bigint;
  readonly patch: bigint;
  readonly #prerelease: readonly string[];

  private constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly string[]) {
    [this.major, this.minor, this.patch] = numbers;
    this.#prerelease = prerelease;
  }

  /** Reads `1.2.3-alpha.1+build`; throws when the text is no such version. */
  static parse(text: string): SemanticVersion {
    const match = FORM.exec(text);
    if (match === null) throw new Error(`${JSON.stringify(text)} is no semantic version`);
    const [, major = '0', minor = '0', patch = '0', prerelease = ''] = match;
    return new SemanticVersion(
      [BigInt(major), BigInt(minor), BigInt(patch)],
      prerelease === '' ? [] : prerelease.split('.'),
    );
  }

  /** Negative, zero or positive by semver precedence; build metadata does not count. */
  compare(other: SemanticVersion): number {
    for (const part of ['major', 'minor', 'patch'] as const) {
      if (this[part] !== other[part]) return this[part] < other[part] ? -1 : 1;
    }
    return comparePrerelease(this.#prerelease, other.#prerelease);
  }
}

function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  // A version without a pre-release is later than one with.
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined) return 1;
    if (left === right) continue;
    const numeric = [left, right].map((part) => /^\d+$/.test(part));
    if (numeric[0] === true && numeric[1] === true) return Number(left) - Number(right);
    if (numeric[0] !== numeric[1]) return numeric[0] === true ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return a.length - b.length;
}
