/** Powers of ten that the decimal suffixes stand for (apimachinery `resource.Quantity`). */
const decimal: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const binary: Readonly<Record<string, number>> = { Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 };
const pattern =
  /^(?<sign>[+-]?)(?<whole>\d*)(?:\.(?<fraction>\d*))?(?<suffix>[numkMGTPE]|[KMGTPE]i|[eE](?<exponent>[+-]?\d{1,4}))?$/;

/**
 * One text for each amount, whichever way it is written (`1024Ki` and `1Mi` are the same), because the API server rewrites quantities;
 * undefined for what is no quantity. Amounts are compared in units of 10⁻⁹, like the API server, which rounds up beyond that.
 */
export function canonicalQuantity(text: string): string | undefined {
  const groups = pattern.exec(text)?.groups;
  const { sign = '', whole = '', fraction = '', suffix = '', exponent } = groups ?? {};
  if (groups === undefined || whole + fraction === '') return undefined;
  const digits =
    BigInt(whole + fraction) * (binary[suffix] === undefined ? 1n : 2n ** BigInt(binary[suffix]));
  const power = (exponent === undefined ? (decimal[suffix] ?? 0) : Number(exponent)) - fraction.length + 9;
  const nano = power >= 0 ? digits * 10n ** BigInt(power) : divideUp(digits, 10n ** BigInt(-power));
  return `${sign === '-' && nano > 0n ? '-' : ''}${nano}n`;
}

function divideUp(dividend: bigint, divisor: bigint): bigint {
  return (dividend + divisor - 1n) / divisor;
}
