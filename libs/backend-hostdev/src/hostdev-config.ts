import { linkPatternSchema } from '@patchbay/core';
import * as z from 'zod';

/** Configuration of the hostdev backend. */
export const hostdevConfigSchema = z.strictObject({
  links: z
    .array(linkPatternSchema)
    .min(1)
    .optional()
    .describe('Links to publish: those that match all fields of one entry. Default: all network hardware'),
});

/** See {@link hostdevConfigSchema}. */
export type HostdevConfig = z.output<typeof hostdevConfigSchema>;
