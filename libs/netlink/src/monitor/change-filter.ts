import { addressMessages } from '../route/address/address-attributes.ts';
import type { Link } from '../route/link/link.ts';
import {
  infoAttributes,
  linkAttributes,
  linkHeaderSize,
  linkMessages,
} from '../route/link/link-attributes.ts';
import { routeMessages } from '../route/route/route-attributes.ts';
import { type FilterStep, hostOrder, SocketFilter } from '../socket/socket-filter.ts';
import { messageHeaderSize } from '../wire/message-header.ts';

/** Routes to more specific destinations than this many bits do not count as changes: on a node with pods they come and go all the time. */
export const widestRoutePrefix = 3;

/** Of what comes and goes with pods, what counts as a change all the same. */
export interface ChangeScope {
  /** Whether changes of {@link isCrossingPair crossing pairs} count. That one goes always does: by then it is a pair no more. */
  readonly crossingPairs: boolean;
  /** Links whose addresses count, by index. Default: all. Beyond 200 links all count as well. */
  readonly addressesOf?: ReadonlySet<number> | undefined;
}

/** Whether a link is one end of a veth pair whose other end is in another namespace, as the host's ends of pods' links are. */
export function isCrossingPair({ kind, parentNamespaceId }: Link): boolean {
  return kind === 'veth' && parentNamespaceId !== undefined;
}

/** As many as can be compared one after another before a jump gets too long. */
const mostLinks = 200;

// Offsets into a datagram: the type in `struct nlmsghdr` (its lower byte, which is all of it), and in the structures that follow it the family,
// `rtm_dst_len` of a route, `ifa_index` of an address.
const typeOffset = 4;
const familyOffset = messageHeaderSize;
const destinationLengthOffset = messageHeaderSize + 1;
const addressLinkOffset = messageHeaderSize + 4;
const linkAttributesOffset = messageHeaderSize + linkHeaderSize;
/** Of a bridge's port, `AF_BRIDGE` tells what its link's own message tells as well. */
const afBridge = 7;

const attributeHeaderSize = 4;
const veth = {
  /** Of the attribute, with its header and the zero that ends the text. */
  length: hostOrder.half(attributeHeaderSize + 5),
  text: Buffer.from('veth').readUInt32BE(),
} as const;
/** `NETNSA_NSID_NOT_ASSIGNED` (linux/net_namespace.h): there is another namespace, but no number for it. */
const noNamespaceId = 0xffff_ffff;

/** Keeps what counts in a scope: never narrow routes and settings of bridge ports. */
export function changeFilter({ crossingPairs, addressesOf }: ChangeScope): SocketFilter {
  const links = addressesOf !== undefined && addressesOf.size <= mostLinks ? addressesOf : undefined;
  return new SocketFilter([
    { loadByte: typeOffset },
    { equals: linkMessages.new, go: 'link' },
    { equals: linkMessages.delete, go: 'gone link' },
    { equals: routeMessages.new, go: 'route' },
    { equals: routeMessages.delete, go: 'route' },
    ...(links === undefined ? [] : addressSteps(links)),
    { keep: true },
    { label: 'route' },
    { loadByte: destinationLengthOffset },
    { greaterThan: widestRoutePrefix, go: 'drop' },
    { keep: true },
    { label: 'gone link' },
    { loadByte: familyOffset },
    { equals: afBridge, go: 'drop' },
    { keep: true },
    { label: 'link' },
    { loadByte: familyOffset },
    { equals: afBridge, go: 'drop' },
    ...(crossingPairs ? [] : pairSteps),
    { label: 'keep' },
    { keep: true },
    { label: 'drop' },
    { keep: false },
  ]);
}

function addressSteps(links: ReadonlySet<number>): FilterStep[] {
  return [
    { equals: addressMessages.new, go: 'address' },
    { equals: addressMessages.delete, go: 'address' },
    { keep: true },
    { label: 'address' },
    { loadWord: addressLinkOffset },
    ...[...links].map((index) => ({ equals: hostOrder.word(index), go: 'keep' })),
    { keep: false },
  ];
}

/** Of a veth link, drops what tells of an end of a crossing pair, or of one whose other end is not there yet or not any more. */
const pairSteps: readonly FilterStep[] = [
  { findAttribute: linkAttributes.linkInfo, from: linkAttributesOffset },
  { equals: 0, go: 'keep' },
  { findWithin: infoAttributes.kind },
  { equals: 0, go: 'keep' },
  { goThere: true },
  { loadHalfThere: 0 },
  // Only `veth` is of this length and begins with these four letters.
  { equals: veth.length, go: 'as long as veth' },
  { keep: true },
  { label: 'as long as veth' },
  { loadWordThere: attributeHeaderSize },
  { equals: veth.text, go: 'veth' },
  { keep: true },
  { label: 'veth' },
  ...loadLinkAttribute(linkAttributes.parentNamespaceId, { orGo: 'other end here' }),
  { equals: noNamespaceId, go: 'keep' },
  { keep: false },
  { label: 'other end here' },
  ...loadLinkAttribute(linkAttributes.link, { orGo: 'keep' }),
  { equals: 0, go: 'drop' },
];

/** The word in an attribute of a link that has it. */
function loadLinkAttribute(type: number, { orGo }: { readonly orGo: string }): readonly FilterStep[] {
  return [
    { findAttribute: type, from: linkAttributesOffset },
    { equals: 0, go: orGo },
    { goThere: true },
    { loadWordThere: attributeHeaderSize },
  ];
}
