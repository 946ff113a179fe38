/** Bytes that are no netlink message: a length that points outside, a value that is too short. The kernel sends none. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';

  /** @param offset where in the received bytes, for whoever has to find out why */
  constructor(problem: string, offset: number) {
    super(`malformed netlink message: ${problem} at byte ${offset}`);
  }
}
