/**
 * The few logging methods that the core and the backends call. A pino logger satisfies it; so does a test's recorder.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: Record<string, unknown>): Logger;
}

/** A logger that says nothing: for tests and for commands that print their own output. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
