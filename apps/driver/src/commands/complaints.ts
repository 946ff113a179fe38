import type { Logger } from '@patchbay/core';

/** What went wrong belongs to the user of a command; the rest of a log does not. */
export const complaints: Logger = {
  debug: () => {},
  info: () => {},
  warn: (fields, message) => console.error(`patchbay: ${message} ${JSON.stringify(fields)}`),
  error: (fields, message) => console.error(`patchbay: ${message} ${JSON.stringify(fields)}`),
  child: () => complaints,
};
