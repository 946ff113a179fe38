/** A driver broke the protocol between kubelet and driver. Retrying would hide it, so nothing is retried. */
export class DraProtocolError extends Error {
  readonly driverName: string;

  /** @param violation what the driver did, and what the protocol wants */
  constructor(driverName: string, violation: string) {
    super(`driver ${driverName} breaks the DRA protocol: ${violation}`);
    this.name = 'DraProtocolError';
    this.driverName = driverName;
  }
}
