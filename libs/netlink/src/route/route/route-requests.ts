import {
  type AddressFamily,
  familyNumbers,
  familyOfBytes,
  parseIpAddress,
  parseIpPrefix,
} from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import { scopeNumbers } from '../address/address-attributes.ts';
import type { RouteRequest } from '../route-request.ts';
import { writeEncapsulation, writeMetrics } from './route-metrics-codec.ts';
import { type RouteSpec, routeProtocols, routeTables } from './route.ts';
import {
  nexthopHeaderSize,
  onlinkFlag,
  preferenceNumbers,
  routeAttributes as rta,
  routeHeaderSize,
  routeMessages,
  routeTypes,
} from './route-attributes.ts';

/** Adds a route. Fails with EEXIST when there is one to the same destination with the same metric, table and type of service. */
export function routeAdd(spec: RouteSpec): RouteRequest {
  return route('route add', routeMessages.new, messageFlags.create | messageFlags.exclusive, spec);
}

/** Adds a route, or puts it in the place of the one to the same destination with the same metric, table and type of service. */
export function routeReplace(spec: RouteSpec): RouteRequest {
  return route('route replace', routeMessages.new, messageFlags.create | messageFlags.replace, spec);
}

/**
 * Adds a route behind those to the same destination with the same metric, table and type of service; an IPv6 route with a gateway becomes one
 * more way of them. Fails with EEXIST when the very same is there.
 */
export function routeAppend(spec: RouteSpec): RouteRequest {
  return route('route append', routeMessages.new, messageFlags.create | messageFlags.append, spec);
}

/** As {@link routeAppend}, before those; IPv6 has no such order. */
export function routePrepend(spec: RouteSpec): RouteRequest {
  return route('route prepend', routeMessages.new, messageFlags.create, spec);
}

/** Deletes the first route that matches. Fails with ESRCH when none does. */
export function routeDelete(spec: RouteSpec): RouteRequest {
  return route('route del', routeMessages.delete, 0, spec);
}

function route(operation: string, type: number, flags: number, spec: RouteSpec): RouteRequest {
  const deleting = type === routeMessages.delete;
  return { operation, type, flags, write: (writer) => writeRoute(writer, spec, deleting) };
}

function writeRoute(writer: MessageWriter, spec: RouteSpec, deleting: boolean): void {
  const { family, bytes, length } = parseIpPrefix(spec.destination, 'destination');
  const from = spec.from === undefined ? undefined : parseIpPrefix(spec.from, 'from');
  const { table = routeTables.main, type = 'unicast', linkIndex, nexthops } = spec;
  const start = writer.header(routeHeaderSize);
  writer.setUint8(start, familyNumbers[family], 'family');
  writer.setUint8(start + 1, length, 'destination');
  writer.setUint8(start + 2, from?.length ?? 0, 'from');
  writer.setUint8(start + 3, spec.tos ?? 0, 'tos');
  // Tables beyond a byte are named by their attribute only.
  writer.setUint8(start + 4, table < 256 ? table : 0, 'table');
  writer.setUint8(start + 5, spec.protocol ?? (deleting ? 0 : routeProtocols.static), 'protocol');
  writer.setUint8(start + 6, scope(spec, family, deleting), 'scope');
  writer.setUint8(start + 7, deleting && spec.type === undefined ? 0 : routeTypes.indexOf(type), 'type');
  writer.setUint32(start + 8, spec.onlink === true ? onlinkFlag : 0, 'flags');
  if (length > 0) writer.bytes(rta.destination, bytes);
  if (from !== undefined && from.length > 0) writer.bytes(rta.from, from.bytes);
  writer.uint32(rta.table, table, 'table');
  if (nexthops !== undefined) writeNexthops(writer, nexthops, family);
  else if (linkIndex !== undefined) writer.uint32(rta.link, linkIndex, 'linkIndex');
  if (spec.gateway !== undefined && nexthops === undefined) writeGateway(writer, spec.gateway, family);
  if (spec.source !== undefined) writer.bytes(rta.source, parseIpAddress(spec.source, 'source'));
  if (spec.metric !== undefined) writer.uint32(rta.priority, spec.metric, 'metric');
  if (spec.nexthopId !== undefined) writer.uint32(rta.nexthopId, spec.nexthopId, 'nexthopId');
  if (spec.expires !== undefined) writer.uint32(rta.expires, spec.expires, 'expires');
  if (spec.preference !== undefined && family === 6) {
    writer.uint8(rta.preference, preferenceNumbers[spec.preference], 'preference');
  }
  if (spec.realms !== undefined) writer.uint32(rta.realms, spec.realms, 'realms');
  if (spec.encap !== undefined && nexthops === undefined) writeEncapsulation(writer, spec.encap);
  writeMetrics(writer, spec);
}

/** The kernel refuses an IPv4 route whose scope does not fit its type and gateway; IPv6 has no scopes. */
function scope(spec: RouteSpec, family: AddressFamily, deleting: boolean): number {
  if (spec.scope !== undefined) return scopeNumbers[spec.scope];
  if (deleting) return scopeNumbers.nowhere;
  if (family === 6) return scopeNumbers.global;
  const { type = 'unicast', gateway, nexthops, nexthopId } = spec;
  if (type === 'local' || type === 'nat') return scopeNumbers.host;
  if (type === 'broadcast' || type === 'multicast' || type === 'anycast') return scopeNumbers.link;
  const isDirect = gateway === undefined && nexthops === undefined && nexthopId === undefined;
  return type === 'unicast' && isDirect ? scopeNumbers.link : scopeNumbers.global;
}

function writeGateway(writer: MessageWriter, text: string, family: AddressFamily): void {
  const gateway = parseIpAddress(text, 'gateway');
  const gatewayFamily = familyOfBytes(gateway);
  if (gatewayFamily === family) {
    writer.bytes(rta.gateway, gateway);
    return;
  }
  if (family === 6) throw new RequestInvalidError('gateway', text, 'an IPv6 address on an IPv6 route');
  const via = Buffer.alloc(2 + gateway.length);
  via.writeUInt16LE(familyNumbers[gatewayFamily], 0);
  via.set(gateway, 2);
  writer.bytes(rta.via, via);
}

function writeNexthops(
  writer: MessageWriter,
  nexthops: NonNullable<RouteSpec['nexthops']>,
  family: AddressFamily,
): void {
  const list = writer.beginNest(rta.multipath);
  for (const { linkIndex, gateway, weight, onlink, encap, realms } of nexthops) {
    const start = writer.header(nexthopHeaderSize);
    writer.setUint8(start + 2, onlink === true ? onlinkFlag : 0, 'flags');
    writer.setUint8(start + 3, weight - 1, 'weight less one');
    writer.setUint32(start + 4, linkIndex, 'linkIndex');
    if (gateway !== undefined) writeGateway(writer, gateway, family);
    if (realms !== undefined) writer.uint32(rta.realms, realms, 'realms');
    if (encap !== undefined) writeEncapsulation(writer, encap);
    writer.setUint16(start, writer.length - start, 'length');
  }
  writer.endNest(list);
}
