import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

/** Options of a plugin that can never work. */
export class InvalidPluginOptionsError extends Error {
  override readonly name = 'InvalidPluginOptionsError';
  /** All of them, each with the option's name and value. */
  readonly issues: readonly string[];

  constructor(issues: readonly string[]) {
    super(`NRI plugin cannot be set up: ${issues.join('; ')}`);
    this.issues = issues;
  }
}

/** The runtime's socket could not be connected to. */
export class RuntimeUnreachableError extends Error {
  override readonly name = 'RuntimeUnreachableError';
  /** 'ENOENT', 'ECONNREFUSED' … */
  readonly code: string;
  readonly socketPath: string;

  constructor(socketPath: string, cause: NodeJS.ErrnoException) {
    const code = cause.code ?? 'UNKNOWN';
    super(`${socketPath}: ${explain(socketPath, code)}`, { cause });
    this.code = code;
    this.socketPath = socketPath;
  }
}

/** The connection to the runtime ended. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** Something was asked of the runtime while there is no connection. */
export class NotConnectedError extends Error {
  override readonly name = 'NotConnectedError';

  constructor() {
    super('the plugin is not registered with the runtime at the moment; wait for onConnectionChange');
  }
}

function explain(socketPath: string, code: string): string {
  switch (code) {
    case 'ENOENT': {
      const directory = dirname(socketPath);
      return existsSync(directory)
        ? 'there is no socket; the runtime was not started yet, or NRI is disabled in its configuration'
        : `the directory ${directory} does not exist; NRI is disabled in the runtime’s configuration, or the directory is not mounted here`;
    }
    case 'ECONNREFUSED':
      return 'nobody listens; the runtime is down';
    case 'EACCES':
    case 'EPERM':
      return `${code}; the plugin must be allowed to write to the socket, usually it runs as root`;
    default:
      return `cannot connect (${code})`;
  }
}
