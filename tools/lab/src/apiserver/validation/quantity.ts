/** A text is no Kubernetes quantity. */
export class QuantityError extends Error {
  constructor(text: string) {
    super(
      `quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$', got ${JSON.stringify(text)}`,
    );
    this.name = 'QuantityError';
  }
}

const FORM = /^([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?$/;
const DECIMAL = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** Quantities are kept in billionths, the finest step of the notation. */
const UNIT = 1_000_000_000n;

/**
 * A fixed-point number in Kubernetes' notation (`1500m`, `10Gi`, `2e3`; apimachinery api/resource). Exact to
 * billionths; smaller parts round away from zero.
 */
export class Quantity {
  /** The value in billionths. */
  readonly nano: bigint;
  readonly #format: 'decimal' | 'binary' | 'exponent';

  private constructor(nano: bigint, format: 'decimal' | 'binary' | 'exponent') {
    this.nano = nano;
    this.#format = format;
  }

  /** Reads the notation; a number counts as its decimal text. Throws {@link QuantityError}. */
  static parse(input: string | number): Quantity {
    const text = String(input);
    const match = FORM.exec(text);
    if (match === null) throw new QuantityError(text);
    const [, sign = '', digits = '', suffix = ''] = match;
    const [whole = '', fraction = ''] = digits.split('.');
    let numerator = BigInt(whole + fraction) * UNIT;
    let denominator = 10n ** BigInt(fraction.length);
    let format: 'decimal' | 'binary' | 'exponent' = 'decimal';
    if (suffix.endsWith('i')) {
      numerator *= 1024n ** BigInt(BINARY.indexOf(suffix));
      format = 'binary';
    } else if (/^[eE]./.test(suffix)) {
      const exponent = Number(suffix.slice(1));
      if (exponent >= 0) numerator *= 10n ** BigInt(exponent);
      else denominator *= 10n ** BigInt(-exponent);
      format = 'exponent';
    } else {
      const power = 3 * (DECIMAL.indexOf(suffix) - 3);
      if (power >= 0) numerator *= 10n ** BigInt(power);
      else denominator *= 10n ** BigInt(-power);
    }
    const rounded = (numerator + denominator - 1n) / denominator;
    return new Quantity(sign === '-' ? -rounded : rounded, format);
  }

  /** A value in billionths, written like `like`. */
  static of(nano: bigint, like: Quantity): Quantity {
    return new Quantity(nano, like.#format);
  }

  /** Negative, zero or positive as this is less than, equal to or more than the other. */
  compare(other: Quantity): number {
    return this.nano < other.nano ? -1 : this.nano > other.nano ? 1 : 0;
  }

  /** The sum, in this one's notation. */
  plus(other: Quantity): Quantity {
    return Quantity.of(this.nano + other.nano, this);
  }

  /** The difference, in this one's notation. */
  minus(other: Quantity): Quantity {
    return Quantity.of(this.nano - other.nano, this);
  }

  /** The canonical text, the one that the API server answers with: `1000m` is `1`, `1024Ki` is `1Mi`. */
  toString(): string {
    const negative = this.nano < 0n;
    const magnitude = negative ? -this.nano : this.nano;
    const sign = negative ? '-' : '';
    if (magnitude === 0n) return '0';
    // Small or fractional binary quantities are written in decimal.
    if (this.#format === 'binary' && magnitude >= 1024n * UNIT && magnitude % UNIT === 0n) {
      const [mantissa, power] = reduce(magnitude / UNIT, 1024n, BINARY.length - 1);
      return `${sign}${String(mantissa)}${BINARY[power] ?? ''}`;
    }
    const [mantissa, power] = reduce(magnitude, 1000n, DECIMAL.length - 1);
    if (this.#format === 'exponent') {
      const exponent = 3 * (power - 3);
      return `${sign}${String(mantissa)}${exponent === 0 ? '' : `e${String(exponent)}`}`;
    }
    return `${sign}${String(mantissa)}${DECIMAL[power] ?? ''}`;
  }
}

function reduce(value: bigint, base: bigint, maximum: number): [bigint, number] {
  let power = 0;
  while (power < maximum && value % base === 0n) {
    value /= base;
    power += 1;
  }
  return [value, power];
}
