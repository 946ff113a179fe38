import { status } from '@grpc/grpc-js';

/** A call that a gRPC server refused, or that did not reach it. */
export class RpcError extends Error {
  /** The method's name, such as `RunPodSandbox`. */
  readonly method: string;
  /** gRPC status code by number; the names are in {@link RpcError.status}. */
  readonly code: number;
  /** gRPC status code by name: `UNAVAILABLE`, `DEADLINE_EXCEEDED`, … */
  readonly status: string;
  /** The server's own words. */
  readonly details: string;

  constructor(method: string, code: number, details: string, options?: ErrorOptions) {
    const name = status[code] ?? String(code);
    super(`${method}: ${name}: ${details}`, options);
    this.name = 'RpcError';
    this.method = method;
    this.code = code;
    this.status = name;
    this.details = details;
  }
}
