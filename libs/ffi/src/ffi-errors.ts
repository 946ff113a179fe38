import type { AdapterName } from './foreign-libraries.ts';

/** The chosen adapter cannot be loaded on this machine; the message says why and how to get it. */
export class AdapterUnavailableError extends Error {
  override readonly name = 'AdapterUnavailableError';
  readonly adapter: AdapterName;

  constructor(adapter: AdapterName, remedy: string, cause?: unknown) {
    const reason = cause instanceof Error ? ` (${cause.message.split('\n', 1)[0]})` : '';
    super(`foreign function adapter '${adapter}' is not available: ${remedy}${reason}`, { cause });
    this.adapter = adapter;
  }
}

/** A shared library cannot be loaded; most often it is not installed. */
export class LibraryLoadError extends Error {
  override readonly name = 'LibraryLoadError';
  /** As it was asked for. */
  readonly path: string | null;

  constructor(path: string | null, cause: unknown) {
    super(`cannot load shared library ${path ?? '(the process itself)'}: ${describe(cause)}`, { cause });
    this.path = path;
  }
}

/** A shared library has no function of that name. */
export class SymbolNotFoundError extends Error {
  override readonly name = 'SymbolNotFoundError';
  readonly path: string | null;
  readonly symbol: string;

  constructor(path: string | null, symbol: string, cause: unknown) {
    super(`${path ?? 'the process itself'} has no function '${symbol}'; another version of the library may`, {
      cause,
    });
    this.path = path;
    this.symbol = symbol;
  }
}

function describe(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
