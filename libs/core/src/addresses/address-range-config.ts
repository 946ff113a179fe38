import * as z from 'zod';
import { parseIpAddress } from '../interfaces/ip.ts';
import { ipAddress, network } from '../interfaces/schema/address-schemas.ts';
import { route } from '../interfaces/schema/route-schema.ts';
import { addressNumber, type AddressSpan, familyOf, networkSpan, without } from './address-number.ts';

/** `address`, `first-last` or a network, as one span of a family. */
const exclusion = z.string().transform((text, context): string => {
  const ends = text.split('-').map((end) => parseIpAddress(end.trim()));
  const [first, last = first] = ends;
  if (ends.length <= 2 && first !== undefined && last !== undefined && first.family === last.family) {
    if (addressNumber(first.address) <= addressNumber(last.address))
      return `${first.address}-${last.address}`;
  }
  const parsed = network.safeParse(text);
  if (parsed.success) return parsed.data;
  context.addIssue(
    `'${text}' is neither an address nor a network nor the first and last of some; write it like 192.0.2.7, 192.0.2.8/30 or 192.0.2.10-192.0.2.19`,
  );
  return z.NEVER;
});

/** One text or several, each parsed by `schema`; always a list. */
const oneOrMore = (schema: z.ZodType<string>) =>
  z.union([z.string(), z.array(z.string()).min(1)]).transform((given, context) =>
    [given].flat().flatMap((text, index) => {
      const parsed = schema.safeParse(text);
      if (parsed.success) return [parsed.data];
      const path = Array.isArray(given) ? [index] : [];
      for (const { message } of parsed.error.issues) context.addIssue({ code: 'custom', path, message });
      return [];
    }),
  );

const addressRange = z
  .strictObject({
    name: z
      .string()
      .max(63)
      .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, {
        error: 'must be a DNS label, such as storage',
      })
      .describe('Name by which claims ask for it'),
    network: oneOrMore(network).describe(
      'Network that addresses are of, or several; a claim gets one address of each IP version',
    ),
    from: ipAddress.optional().describe('First address to give; only with one network. Default: the lowest'),
    to: ipAddress.optional().describe('Last address to give; only with one network. Default: the highest'),
    exclude: z
      .array(exclusion)
      .max(256)
      .default([])
      .describe('Addresses never to give: addresses, networks, or first-last'),
    gateway: oneOrMore(ipAddress)
      .default([])
      .describe('Gateway of the routes below that name none, of each IP version; never given to a claim'),
    routes: z.array(route).max(64).default([]).describe('Routes that interfaces get with the address'),
    nodes: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Names of the nodes that give from it, where nodes share one configuration; default: all'),
  })
  .superRefine((range, context) => {
    for (const { path, message } of rangeMistakes(range)) context.addIssue({ code: 'custom', path, message });
  });

/** Ranges of addresses that claims may ask for by name. */
export const addressRangesSchema = z
  .array(addressRange)
  .max(256)
  .superRefine((ranges, context) => {
    ranges.forEach((range, index) => {
      for (const [other, earlier] of ranges.slice(0, index).entries()) {
        const together = onOneNode(range, earlier);
        if (together && range.name === earlier.name) {
          context.addIssue({
            code: 'custom',
            path: [index, 'name'],
            message: `'${range.name}' is that of addressRanges[${other}], too; rename one, or give each its own nodes`,
          });
        }
        const both = together || range.name === earlier.name ? overlap(range, earlier) : undefined;
        if (both === undefined) continue;
        context.addIssue({
          code: 'custom',
          path: [index, 'network'],
          message: `'${both}' overlaps with addressRanges[${other}] ('${earlier.name}'), so that an address could be given twice; separate them by from, to or exclude`,
        });
      }
    });
  });

/** One validated range of the driver's configuration. */
export type AddressRangeConfig = z.output<typeof addressRange>;

interface Mistake {
  readonly path: (string | number)[];
  readonly message: string;
}

function rangeMistakes(range: AddressRangeConfig): Mistake[] {
  const { network: networks, from, to, gateway, routes } = range;
  const mistakes: Mistake[] = [];
  const spans = networks.map(networkSpan);
  const isInside = (address: string) => networkOfAddress(networks, address) !== undefined;
  for (const [field, address] of [
    ['from', from],
    ['to', to],
  ] as const) {
    if (address === undefined) continue;
    if (networks.length > 1) {
      mistakes.push({
        path: [field],
        message: 'fits one network only; make a range of its own for each network',
      });
    } else if (!isInside(address)) {
      mistakes.push({
        path: [field],
        message: `'${address}' is not in ${networks.join(', ')}; correct one of them`,
      });
    }
  }
  if (from !== undefined && to !== undefined && addressNumber(from) > addressNumber(to)) {
    mistakes.push({ path: ['to'], message: `'${to}' is below from ('${from}'); swap them` });
  }
  networks.forEach((text, index) => {
    const twin = spans.slice(0, index).findIndex(({ first, last }, at) => {
      const span = spans[index];
      return (
        span !== undefined &&
        familyOf(networks[at] ?? '') === familyOf(text) &&
        first <= span.last &&
        last >= span.first
      );
    });
    if (twin >= 0) {
      mistakes.push({
        path: ['network', index],
        message: `'${text}' overlaps with '${networks[twin]}'; leave one of them out`,
      });
    }
  });
  gateway.forEach((address, index) => {
    if (!isInside(address)) {
      mistakes.push({
        path: ['gateway', index],
        message: `'${address}' is not in ${networks.join(', ')}; a gateway must be reachable on the link`,
      });
    }
    if (gateway.findIndex((other) => familyOf(other) === familyOf(address)) < index) {
      mistakes.push({
        path: ['gateway', index],
        message: `'${address}' is a second gateway of its IP version; leave one out`,
      });
    }
  });
  routes.forEach(({ destination }, index) => {
    const families = new Set(networks.map(familyOf));
    if (families.has(familyOf(destination))) return;
    mistakes.push({
      path: ['routes', index, 'destination'],
      message: `'${destination}' is of an IP version of which the range has no network; leave it out`,
    });
  });
  if (mistakes.length === 0) {
    for (const family of new Set(networks.map(familyOf))) {
      if (givenSpans(range, family).length > 0) continue;
      mistakes.push({
        path: ['network'],
        message: `has no IPv${family} address left to give; make it larger or exclude less`,
      });
    }
  }
  return mistakes;
}

/** The addresses of a family that a range gives, in ascending order: without the networks' own, their broadcasts and the gateways. */
export function givenSpans(range: AddressRangeConfig, family: 4 | 6): AddressSpan[] {
  const { network: networks, from, to, exclude, gateway } = range;
  const own = networks.filter((each) => familyOf(each) === family);
  const spans = own.map((each) => {
    const { first, last } = networkSpan(each);
    return {
      first: from === undefined || addressNumber(from) < first ? first : addressNumber(from),
      last: to === undefined || addressNumber(to) > last ? last : addressNumber(to),
    };
  });
  return without(spans, [
    ...own.flatMap(reserved),
    ...gateway.filter((each) => familyOf(each) === family).map(single),
    ...exclude.filter((each) => familyOf(each) === family).map(exclusionSpan),
  ]);
}

/** The network of a range that an address is in. */
export function networkOfAddress(networks: readonly string[], address: string): string | undefined {
  const number = addressNumber(address);
  return networks.find((each) => {
    const { first, last } = networkSpan(each);
    return familyOf(each) === familyOf(address) && number >= first && number <= last;
  });
}

/** What names the network itself, and all hosts of it (RFC 919) or all routers (RFC 4291, section 2.6.1); not where there are two addresses only. */
function reserved(network: string): AddressSpan[] {
  const { first, last } = networkSpan(network);
  if (last - first < 2n) return [];
  return [{ first, last: first }, ...(familyOf(network) === 4 ? [{ first: last, last }] : [])];
}

function single(address: string): AddressSpan {
  const number = addressNumber(address);
  return { first: number, last: number };
}

function exclusionSpan(text: string): AddressSpan {
  if (text.includes('/')) return networkSpan(text);
  const [first = '', last = ''] = text.split('-');
  return { first: addressNumber(first), last: addressNumber(last) };
}

function onOneNode(a: AddressRangeConfig, b: AddressRangeConfig): boolean {
  return a.nodes === undefined || b.nodes === undefined || a.nodes.some((node) => b.nodes?.includes(node));
}

function overlap(a: AddressRangeConfig, b: AddressRangeConfig): string | undefined {
  for (const family of [4, 6] as const) {
    const others = givenSpans(b, family);
    const shared = givenSpans(a, family).some((span) =>
      others.some(({ first, last }) => first <= span.last && last >= span.first),
    );
    if (shared) return a.network.find((each) => familyOf(each) === family);
  }
  return undefined;
}
