import type { AttributeReader } from '../../wire/attribute-reader.ts';
import { familyOf, formatIpAddress, unspecifiedAddress } from '../../wire/ip-address.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import { StructureReader } from '../../wire/structure-reader.ts';
import { scopeName } from '../address/address-attributes.ts';
import { encapsulation, readMetrics } from './route-metrics-codec.ts';
import type { Nexthop, Route } from './route.ts';
import {
  nexthopHeaderSize,
  onlinkFlag,
  preferenceNumbers,
  routeAttributes as rta,
  routeHeaderSize,
  routeTypes,
} from './route-attributes.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };
/** Type and attributes of a tunnel are two attributes. */
type WithEncapsulation = { encapType?: number; encapAttributes?: string };
type PartialRoute = Writable<Route> & WithEncapsulation;

/** `USER_HZ`: the kernel tells times of routes in hundredths of a second. */
const clockTicks = 100;

/**
 * Decodes the current `RTM_NEWROUTE` or `RTM_DELROUTE` message.
 *
 * @returns undefined for families other than IP
 * @throws MalformedMessageError
 */
export function decodeRoute(message: MessageReader): Route | undefined {
  const attributes = message.attributes(routeHeaderSize);
  const { buffer, start } = message;
  const family = familyOf(buffer.readUInt8(start));
  if (family === undefined) return undefined;
  const destinationLength = buffer.readUInt8(start + 1);
  const fromLength = buffer.readUInt8(start + 2);
  const tos = buffer.readUInt8(start + 3);
  const flags = buffer.readUInt32LE(start + 8);
  const route: PartialRoute = {
    destination: `${unspecifiedAddress(family)}/${destinationLength}`,
    family,
    table: buffer.readUInt8(start + 4),
    scope: scopeName(buffer.readUInt8(start + 6)),
    protocol: buffer.readUInt8(start + 5),
    type: routeTypes[buffer.readUInt8(start + 7)] ?? 'unspec',
    flags,
  };
  if (tos !== 0) route.tos = tos;
  if ((flags & onlinkFlag) !== 0) route.onlink = true;
  while (attributes.next()) readAttribute(route, attributes, destinationLength, fromLength);
  return encapsulation(route);
}

function readAttribute(
  route: PartialRoute,
  attribute: AttributeReader,
  destinationLength: number,
  fromLength: number,
): void {
  switch (attribute.type) {
    case rta.destination:
      route.destination = `${formatIpAddress(attribute.bytes()) ?? ''}/${destinationLength}`;
      return;
    case rta.from:
      route.from = `${formatIpAddress(attribute.bytes()) ?? ''}/${fromLength}`;
      return;
    case rta.gateway:
      setAddress(route, 'gateway', attribute.bytes());
      return;
    case rta.via:
      setAddress(route, 'gateway', attribute.bytes().subarray(2));
      return;
    case rta.source:
      setAddress(route, 'source', attribute.bytes());
      return;
    case rta.link:
      route.linkIndex = attribute.uint32();
      return;
    case rta.table:
      route.table = attribute.uint32();
      return;
    case rta.priority:
      route.metric = attribute.uint32();
      return;
    case rta.expires:
      route.expires = attribute.uint32();
      return;
    case rta.nexthopId:
      route.nexthopId = attribute.uint32();
      return;
    case rta.preference:
      setPreference(route, attribute.uint8());
      return;
    case rta.cacheInfo: {
      // `struct rta_cacheinfo`, expires; what has no end says 0.
      const expires = attribute.int32At(8);
      if (expires > 0) route.expires = Math.ceil(expires / clockTicks);
      return;
    }
    case rta.realms:
      route.realms = attribute.uint32();
      return;
    case rta.encapType:
      route.encapType = attribute.uint16();
      return;
    case rta.encap:
      route.encapAttributes = attribute.hexadecimal();
      return;
    case rta.metrics:
      readMetrics(route, attribute.nested());
      return;
    case rta.multipath:
      route.nexthops = readNexthops(attribute);
      return;
  }
}

function setAddress(route: Writable<Route | Nexthop>, field: 'gateway' | 'source', bytes: Uint8Array): void {
  const text = formatIpAddress(bytes);
  if (text !== undefined) (route as Writable<Route>)[field] = text;
}

function setPreference(route: Writable<Route>, number: number): void {
  if (number === preferenceNumbers.low) route.preference = 'low';
  else if (number === preferenceNumbers.high) route.preference = 'high';
  else if (number === preferenceNumbers.medium) route.preference = 'medium';
}

function readNexthops(attribute: AttributeReader): Nexthop[] {
  const nexthops: Nexthop[] = [];
  const headers = attribute.within(
    (buffer, start, end) => new StructureReader(buffer, start, end, nexthopHeaderSize),
  );
  while (headers.next()) {
    const flags = headers.uint8(2);
    const nexthop: Writable<Nexthop> & WithEncapsulation = {
      linkIndex: headers.int32(4),
      weight: headers.uint8(3) + 1,
    };
    if (flags !== 0) nexthop.flags = flags;
    if ((flags & onlinkFlag) !== 0) nexthop.onlink = true;
    const attributes = headers.attributes();
    while (attributes.next()) {
      switch (attributes.type) {
        case rta.gateway:
          setAddress(nexthop, 'gateway', attributes.bytes());
          break;
        case rta.via:
          setAddress(nexthop, 'gateway', attributes.bytes().subarray(2));
          break;
        case rta.realms:
          nexthop.realms = attributes.uint32();
          break;
        case rta.encapType:
          nexthop.encapType = attributes.uint16();
          break;
        case rta.encap:
          nexthop.encapAttributes = attributes.hexadecimal();
          break;
      }
    }
    nexthops.push(encapsulation(nexthop));
  }
  return nexthops;
}
