import * as z from 'zod';

const pattern = z.string().min(1).describe('Glob with * and ?');

const selector = z
  .strictObject({
    name: pattern.optional().describe("The link's name or one of its alternative names"),
    pciAddress: pattern.optional().describe('Address of its PCI function, such as 0000:3b:00.*'),
    hardwareAddress: pattern.optional().describe('Its MAC address, lower-case'),
    kind: pattern.optional().describe('Kind of a software link, such as veth'),
  })
  .refine((fields) => Object.keys(fields).length > 0, {
    error: 'selects nothing; give at least one of name, pciAddress, hardwareAddress, kind',
  });

/** Configuration of the hostdev backend. */
export const hostdevConfigSchema = z.strictObject({
  links: z
    .array(selector)
    .min(1)
    .optional()
    .describe('Links to publish: those that match all fields of one entry. Default: all network hardware'),
});

/** See {@link hostdevConfigSchema}. */
export type HostdevConfig = z.output<typeof hostdevConfigSchema>;
