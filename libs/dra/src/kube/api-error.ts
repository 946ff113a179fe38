/** The `Status` object with which the API server answers a failed request (meta/v1). */
interface StatusBody {
  readonly kind?: unknown;
  readonly code?: unknown;
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly details?: { readonly retryAfterSeconds?: unknown };
}

/** The request that failed, for the message. */
export interface FailedRequest {
  readonly method: string;
  readonly path: string;
}

const advice: Readonly<Record<number, string>> = {
  401: 'the credentials were not accepted; check the service account token or kubeconfig',
  403: 'the service account lacks a permission; check the driver’s ClusterRole',
  404: 'it does not exist',
  409: 'it was changed or deleted at the same time',
  410: 'the requested version is no longer kept',
  413: 'the object is too large',
  422: 'the API server does not accept the object',
  429: 'the API server asks to slow down',
};

/** The API server answered a request with an error. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; for an error inside a watch the status that it stands for. */
  readonly status: number;
  /** Machine-readable word of the API server, such as `Conflict` or `Expired`; empty when it gave none. */
  readonly reason: string;
  /** How long the server asks to wait before the next attempt, in seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** The answer as parsed JSON, or as text when it was none. */
  readonly body: unknown;

  constructor(request: FailedRequest, status: number, body: unknown, retryAfterSeconds?: number) {
    const parsed = typeof body === 'object' && body !== null ? (body as StatusBody) : undefined;
    const reason = typeof parsed?.reason === 'string' ? parsed.reason : '';
    const said = typeof parsed?.message === 'string' ? parsed.message : plainText(body);
    super(`${request.method} ${request.path}: ${explain(status)}${said === '' ? '' : `: ${said}`}`);
    this.status = status;
    this.reason = reason;
    this.body = body;
    const fromBody = parsed?.details?.retryAfterSeconds;
    this.retryAfterSeconds = retryAfterSeconds ?? (typeof fromBody === 'number' ? fromBody : undefined);
  }
}

/** No answer came: the API server could not be reached, hung up or took too long. */
export class ApiUnreachableError extends Error {
  override readonly name = 'ApiUnreachableError';

  /** @param server its address; empty when not even that could be found out */
  constructor(request: FailedRequest, server: string, problem: string, options?: ErrorOptions) {
    const whose = server === '' ? '' : ` ${server}`;
    super(`${request.method} ${request.path}: no answer from the API server${whose}: ${problem}`, options);
  }
}

/** Whether `error` is the API server's answer with that HTTP status. */
export function isApiError(error: unknown, ...statuses: readonly number[]): error is ApiError {
  return error instanceof ApiError && (statuses.length === 0 || statuses.includes(error.status));
}

function explain(status: number): string {
  const words = advice[status] ?? (status >= 500 ? 'the API server failed' : 'the API server refused');
  return `${words} (HTTP ${status})`;
}

function plainText(body: unknown): string {
  return typeof body === 'string' ? body.trim().slice(0, 500) : '';
}
