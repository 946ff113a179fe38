/** There is no network namespace at a path: it is missing, or what was mounted there has gone. */
export class NamespaceGoneError extends Error {
  override readonly name = 'NamespaceGoneError';
  readonly path: string;

  constructor(path: string, reason: string, cause?: unknown) {
    super(`there is no network namespace at ${path}: ${reason}`, { cause });
    this.path = path;
  }
}
