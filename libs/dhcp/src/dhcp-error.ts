/** No lease could be had, for a reason that whoever runs the network or wrote the claim can change. */
export class DhcpError extends Error {
  override readonly name = 'DhcpError';
  /**
   * - `no-answer`: no server said anything in time
   * - `refused`: a server answered and gives no address
   * - `conflict`: another host answers for the address that the server gives
   * - `no-source`: the link has no IPv6 link-local address to ask from
   */
  readonly reason: 'no-answer' | 'refused' | 'conflict' | 'no-source';

  constructor(reason: DhcpError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}
