import { resolve } from 'node:path';

/** Absolute path of the checkout that this tool lies in. */
export const repository = resolve(import.meta.dirname, '../../..');
