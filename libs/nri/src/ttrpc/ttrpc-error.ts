/** The status codes of gRPC that matter here. Fact: google/rpc/code.proto. */
export const statusCodes = {
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

/** A call that ended with a status other than success. */
export class TtrpcError extends Error {
  override readonly name = 'TtrpcError';
  /** One of gRPC's status codes. */
  readonly code: number;

  constructor(code: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A call that the server refused before any handler saw it. Only these keep their code on the wire. */
export class TtrpcRejection extends TtrpcError {}
