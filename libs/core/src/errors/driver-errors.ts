/**
 * The errors that a user of the driver can meet, one class per meaning. They become gRPC status or NRI errors only at the edge.
 */

/** Stable machine-readable names of the driver's errors; each is explained in `docs/errors.md`. */
export type DriverErrorCode =
  | 'CONFIG_INVALID'
  | 'PARAMETERS_INVALID'
  | 'DEVICE_NOT_FOUND'
  | 'INTERFACE_CONFLICT'
  | 'NO_NETWORK_NAMESPACE'
  | 'ATTACH_FAILED'
  | 'STILL_ATTACHING'
  | 'DETACH_FAILED'
  | 'CLAIM_MISMATCH'
  | 'ADDRESS_RANGE_EXHAUSTED'
  | 'LEASE_FAILED'
  | 'JOURNAL_WRITE'
  | 'STATE_DIRECTORY_TAKEN'
  | 'WIRING';

/** Base of all errors that the driver raises on purpose. */
export class DriverError extends Error {
  /** Stable name of the meaning. */
  readonly code: DriverErrorCode;
  /** Whether the same call may succeed later without anyone changing its input. */
  readonly retryable: boolean;

  constructor(
    code: DriverErrorCode,
    message: string,
    options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** One mistake in a document that a user wrote. */
export interface ConfigIssue {
  /** Where: the path of the field in the document, such as `interface.addresses[0]`; empty for the document itself. */
  readonly path: string;
  /** What is wrong with which value, and what would be right. */
  readonly message: string;
  /** Line in the file, counted from 1, where known. */
  readonly line?: number;
}

/** The driver's configuration file has mistakes; all of them are listed. */
export class ConfigInvalidError extends DriverError {
  readonly issues: readonly ConfigIssue[];

  constructor(source: string, issues: readonly ConfigIssue[]) {
    super('CONFIG_INVALID', `${source} is not a valid driver configuration:\n${formatIssues(issues)}`);
    this.issues = issues;
  }
}

/** The opaque parameters of a claim or device class have mistakes; all of them are listed. */
export class ParametersInvalidError extends DriverError {
  readonly issues: readonly ConfigIssue[];

  constructor(source: string, issues: readonly ConfigIssue[]) {
    super('PARAMETERS_INVALID', `${source}: ${issues.map(formatIssue).join('; ')}`);
    this.issues = issues;
  }
}

/** A device that was allocated is not, or no longer, on this node. */
export class DeviceNotFoundError extends DriverError {
  constructor(device: string, reason: string) {
    super('DEVICE_NOT_FOUND', `device ${device} is not available on this node: ${reason}`, {
      retryable: true,
    });
  }
}

/** What a claim asks for collides with what the pod or the node already has. */
export class InterfaceConflictError extends DriverError {
  constructor(message: string, cause?: unknown) {
    super('INTERFACE_CONFLICT', message, { cause });
  }
}

/** A pod has no network namespace of its own, so nothing can be attached to it. */
export class NoNetworkNamespaceError extends DriverError {
  constructor(pod: string) {
    super(
      'NO_NETWORK_NAMESPACE',
      `pod ${pod} uses the node's network namespace; a claim for a network device needs a pod without hostNetwork`,
    );
  }
}

/** Attaching a claim's device to a pod failed; what had been done was undone unless the message says otherwise. */
export class AttachFailedError extends DriverError {
  constructor(message: string, cause: unknown) {
    super('ATTACH_FAILED', `${message}: ${describeError(cause)}`, { retryable: true, cause });
  }
}

/** Attaching a pod's devices takes longer than the runtime waits; it goes on, and the container passes when it is tried again. */
export class StillAttachingError extends DriverError {
  constructor(pod: string, ms: number) {
    super(
      'STILL_ATTACHING',
      `the network of pod ${pod} is still being attached after ${ms} ms; its containers start when that is done`,
      { retryable: true },
    );
  }
}

/** Bringing a device back from a pod failed; it is tried again at the next occasion. */
export class DetachFailedError extends DriverError {
  constructor(message: string, cause: unknown) {
    super('DETACH_FAILED', `${message}: ${describeError(cause)}`, { retryable: true, cause });
  }
}

/** A recorded claim differs from the one that is asked for. */
export class ClaimMismatchError extends DriverError {
  constructor(message: string) {
    super('CLAIM_MISMATCH', message);
  }
}

/** All addresses of a range that claims may be given are held. */
export class AddressRangeExhaustedError extends DriverError {
  /** @param holders some of those who hold them, in words */
  constructor(range: string, family: 4 | 6, held: number, holders: readonly string[]) {
    super(
      'ADDRESS_RANGE_EXHAUSTED',
      `address range '${range}' has no free IPv${family} address: all ${held} are held (${holders.join(', ')}); delete pods that need theirs no more, or enlarge the range in the driver's configuration`,
      { retryable: true },
    );
  }
}

/** No address could be leased from a DHCP server. */
export class LeaseFailedError extends DriverError {
  constructor(interfaceName: string, cause: unknown) {
    super(
      'LEASE_FAILED',
      `cannot lease an address for interface '${interfaceName}': ${describeError(cause)}; check the DHCP server of that network, raise interface.dhcp.timeoutSeconds, or give interface.addresses instead of interface.dhcp`,
      { retryable: true, cause },
    );
  }
}

/** The journal cannot be written; the claim's earlier record is still there. */
export class JournalWriteError extends DriverError {
  constructor(path: string, cause: unknown) {
    super('JOURNAL_WRITE', `cannot write ${path}: ${describeError(cause)}`, { retryable: true, cause });
  }
}

/** The state directory is that of a driver of another name, whose claims this one would take for its own. */
export class StateDirectoryTakenError extends DriverError {
  constructor(directory: string, owner: string) {
    super(
      'STATE_DIRECTORY_TAKEN',
      `the state directory ${directory} is that of driver ${owner}; give this driver a state.directory of its own, or remove that one when that driver is gone for good`,
    );
  }
}

/** A backend or the composition root is wired wrongly: something is missing or provided twice. */
export class WiringError extends DriverError {
  constructor(message: string) {
    super('WIRING', message);
  }
}

/** Says in one line what an unknown thrown value means, with the members of an `AggregateError`. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError) {
    const members = error.errors.map(describeError).join('; ');
    return error.message === '' ? members : `${error.message}: ${members}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** What a log line says of an error: its description, and its code when it is the driver's own. */
export function errorFields(error: unknown): { readonly error: string; readonly code?: DriverErrorCode } {
  return {
    error: describeError(error),
    ...(error instanceof DriverError ? { code: error.code } : {}),
  };
}

function formatIssue(issue: ConfigIssue): string {
  return issue.path === '' ? issue.message : `${issue.path}: ${issue.message}`;
}

function formatIssues(issues: readonly ConfigIssue[]): string {
  return issues
    .map((issue) => `  ${issue.line === undefined ? '' : `line ${issue.line}: `}${formatIssue(issue)}`)
    .join('\n');
}
