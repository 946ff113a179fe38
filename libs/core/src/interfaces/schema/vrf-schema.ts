import * as z from 'zod';
import { interfaceName } from './address-schemas.ts';
import { largestNumber } from './route-schema.ts';

/** The kernel's own tables (`RT_TABLE_*`, linux/rtnetlink.h). */
const ownTables: readonly number[] = [253, 254, 255];

/** The routing domain that the interface belongs to. */
export const vrf = z.strictObject({
  name: interfaceName.describe('Name of the VRF in the pod; made when it is not there'),
  table: z
    .int()
    .min(1)
    .max(largestNumber)
    .superRefine((table, context) => {
      if (ownTables.includes(table))
        context.addIssue(`${table} is a table of the kernel's own; take another number`);
    })
    .describe("Routing table of the VRF; the interface's routes are in it"),
});
