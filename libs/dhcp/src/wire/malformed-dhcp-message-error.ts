/** A received message is not what it should be. It is dropped; nobody hears of it but a test. */
export class MalformedDhcpMessageError extends Error {
  override readonly name = 'MalformedDhcpMessageError';
}
