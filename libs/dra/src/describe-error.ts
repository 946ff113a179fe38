/** An error with its causes in one line, for readers who see nothing else: pod events, gRPC status. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  collect(error, parts, 0);
  return parts.join(': ');
}

function collect(error: unknown, parts: string[], depth: number): void {
  if (error === undefined || error === null || depth > 5) return;
  if (!(error instanceof Error)) {
    parts.push(typeof error === 'string' ? error : JSON.stringify(error));
    return;
  }
  const inner =
    error instanceof AggregateError ? error.errors.map((item) => describeError(item)).join('; ') : '';
  const text = [error.message, inner].filter((part) => part !== '').join(': ') || error.name;
  // Many errors already quote their cause.
  if (!parts.some((part) => part.includes(text))) parts.push(text);
  collect(error.cause, parts, depth + 1);
}
