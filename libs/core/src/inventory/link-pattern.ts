import type { Link } from '@patchbay/netlink';
import * as z from 'zod';

const glob = z.string().min(1).describe('Glob with * and ?');

const fields = {
  name: glob.optional().describe("The link's name or one of its alternative names"),
  alias: glob.optional().describe('The free text that an administrator gave it, as ip link set alias does'),
  pciAddress: glob.optional().describe('Address of its PCI function, such as 0000:3b:00.*'),
  hardwareAddress: glob.optional().describe('Its MAC address, lower-case'),
  kind: glob.optional().describe('Kind of a software link, such as veth'),
} as const;

/** Describes links in the configuration: all fields that are given must match, and at least one must be given. */
export const linkPatternSchema = z.strictObject(fields).refine((given) => Object.keys(given).length > 0, {
  error: `selects nothing; give at least one of ${Object.keys(fields).join(', ')}`,
});

/** See {@link linkPatternSchema}. */
export type LinkPattern = z.output<typeof linkPatternSchema>;

/** Whether a link is what a pattern describes. */
export function matchesLinkPattern(
  link: Link,
  { name, alias, pciAddress, hardwareAddress, kind }: LinkPattern,
): boolean {
  return (
    matches(name, [link.name, ...link.altnames]) &&
    matches(alias, link.alias === undefined ? [] : [link.alias]) &&
    matches(pciAddress, link.parentDevice?.bus === 'pci' ? [link.parentDevice.name] : []) &&
    matches(hardwareAddress, link.address === undefined ? [] : [link.address]) &&
    matches(kind, link.kind === undefined ? [] : [link.kind])
  );
}

function matches(pattern: string | undefined, candidates: readonly string[]): boolean {
  return pattern === undefined || candidates.some((candidate) => globMatches(pattern, candidate));
}

function globMatches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${expression}$`, 's').test(text);
}
