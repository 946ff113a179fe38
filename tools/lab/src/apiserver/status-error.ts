/** One reason inside a Status: which field, and what is wrong with it. */
export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

/** The details of a Status (meta/v1 StatusDetails). */
export interface StatusDetails {
  name?: string;
  group?: string;
  /** A kind for "Invalid", otherwise the resource's plural name. */
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** The API's answer when a request fails, and to some that succeed (meta/v1 Status). */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

/** A resource or kind within its group; the core group is the empty string. */
export interface QualifiedName {
  group: string;
  name: string;
}

/** A request failed: carries the Status that the client is told. */
export class StatusError extends Error {
  readonly status: Status;

  constructor(code: number, reason: string, message: string, details?: StatusDetails) {
    super(message);
    this.name = 'StatusError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message,
      reason,
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

function qualified({ group, name }: QualifiedName): string {
  return group === '' ? name : `${name}.${group}`;
}

function details(resource: QualifiedName, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(resource.group === '' ? {} : { group: resource.group }),
    kind: resource.name,
  };
}

/** 404: no object of that name. */
export function notFound(resource: QualifiedName, name: string): StatusError {
  const text = `${qualified(resource)} "${name}" not found`;
  return new StatusError(404, 'NotFound', text, details(resource, name));
}

/** 404: no such path at all. */
export function unknownPath(): StatusError {
  return new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
}

/** 409: create of a name that is taken. */
export function alreadyExists(resource: QualifiedName, name: string): StatusError {
  const text = `${qualified(resource)} "${name}" already exists`;
  return new StatusError(409, 'AlreadyExists', text, details(resource, name));
}

/** 409: the write was based on something that is no longer so. */
export function conflict(resource: QualifiedName, name: string, cause: string): StatusError {
  const text = `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${cause}`;
  return new StatusError(409, 'Conflict', text, details(resource, name));
}

/** What a stale resourceVersion is told. */
export const OBJECT_MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 403 for an object or a whole resource. */
export function forbidden(resource: QualifiedName, name: string, cause: string): StatusError {
  const subject = name === '' ? qualified(resource) : `${qualified(resource)} "${name}"`;
  return new StatusError(403, 'Forbidden', `${subject} is forbidden: ${cause}`, details(resource, name));
}

/** 401: no token, or not ours. */
export function unauthorized(): StatusError {
  return new StatusError(401, 'Unauthorized', 'Unauthorized');
}

/** 400: the request itself makes no sense. */
export function badRequest(message: string): StatusError {
  return new StatusError(400, 'BadRequest', message);
}

/** 405 for a resource that exists but does not take the method. */
export function methodNotAllowed(): StatusError {
  return new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );
}

/** 415: a body in a format that the endpoint does not read. */
export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  const text = `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`;
  return new StatusError(415, 'UnsupportedMediaType', text, {});
}

/** 410: the history that the request needs has been compacted away. */
export function expired(message: string): StatusError {
  return new StatusError(410, 'Expired', message);
}

/** 504: the client wants a revision that the server has not reached yet. */
export function tooLargeResourceVersion(wanted: number, current: number): StatusError {
  return new StatusError(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${String(wanted)}, current: ${String(current)}`,
    {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  );
}

/** 500 with the reason that clients see for a failure inside the server. */
export function internalError(message: string): StatusError {
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, {
    causes: [{ message }],
  });
}
