/** A value cannot be written into a request; nothing was sent. */
export class RequestInvalidError extends Error {
  override readonly name = 'RequestInvalidError';
  /** Name of the member that holds the value. */
  readonly field: string;

  /** @param expected what would be right, such as `an integer from 0 to 255` */
  constructor(field: string, value: unknown, expected: string) {
    super(`${field} must be ${expected}, not ${typeof value === 'string' ? `'${value}'` : String(value)}`);
    this.field = field;
  }
}
