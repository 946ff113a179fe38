import * as z from 'zod';
import { interfaceNameMistake } from '../interface-name.ts';
import { isIpv6, network } from './address-schemas.ts';
import { largestNumber } from './route-schema.ts';

/** Rules without a priority get this one: before the main table's (32766), behind the local one's (0). */
const defaultPriority = 5000;
const largestPriority = 32_765;

const linkName = z.string().superRefine((name, context) => {
  const mistake = name === 'lo' ? undefined : interfaceNameMistake(name);
  if (mistake !== undefined) context.addIssue(mistake);
});

/** One rule that chooses the routing table, as the parameters give it, canonical. */
export const rule = z
  .strictObject({
    priority: z
      .int()
      .min(1)
      .max(largestPriority)
      .default(defaultPriority)
      .describe('Rules are tried in this order, the lowest first'),
    source: network.optional().describe('Network that packets come from; default: any'),
    destination: network.optional().describe('Network that packets go to; default: any'),
    table: z.int().min(1).max(largestNumber).describe('Routing table to look into'),
    fwmark: z.int().min(0).max(largestNumber).optional().describe('Mark that packets carry'),
    fwmask: z
      .int()
      .min(1)
      .max(largestNumber)
      .optional()
      .describe('Bits of the mark that count; default: all'),
    iif: linkName.optional().describe('Name of the interface that packets come in by; lo: made by the pod'),
    oif: linkName.optional().describe('Name of the interface that a socket is bound to'),
    family: z
      .enum(['ipv4', 'ipv6'])
      .optional()
      .describe('IP version; default: that of source or destination, else ipv4'),
  })
  .superRefine(({ source, destination, fwmark, fwmask, family }, context) => {
    const mistake = (field: string, message: string) =>
      context.addIssue({ code: 'custom', path: [field], message });
    if (source !== undefined && destination !== undefined && isIpv6(source) !== isIpv6(destination)) {
      mistake('destination', `'${destination}' and source '${source}' are of different IP versions`);
    }
    const given = source ?? destination;
    if (family !== undefined && given !== undefined && isIpv6(given) !== (family === 'ipv6')) {
      mistake('family', `'${family}' contradicts '${given}'; leave it out`);
    }
    if (fwmask === undefined) return;
    if (fwmark === undefined) mistake('fwmask', 'needs a fwmark');
    else if ((fwmark & ~fwmask) !== 0) {
      mistake('fwmark', `${fwmark} has bits outside of fwmask ${fwmask}, so that no packet ever matches`);
    }
  });

/** One rule as the parameters give it. */
export type RuleConfig = z.output<typeof rule>;

/** The IP version of a rule. */
export function ruleFamily({ family, source, destination }: RuleConfig): 4 | 6 {
  if (family !== undefined) return family === 'ipv6' ? 6 : 4;
  return isIpv6(source ?? destination ?? '') ? 6 : 4;
}
