import { type AddressFamily, familyNumbers } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { RouteDump } from '../route-dump.ts';
import type { Route, RouteFilter } from './route.ts';
import { routeAttributes, routeHeaderSize, routeMessages } from './route-attributes.ts';
import { decodeRoute } from './route-decoder.ts';

/** Asks for routes of one family; the kernel filters by table and link. */
export function routeDump({
  linkIndex,
  table,
  family,
  longestPrefix = Infinity,
}: RouteFilter & { readonly family: AddressFamily }): RouteDump<Route> {
  return {
    operation: 'route list',
    type: routeMessages.get,
    flags: messageFlags.dump,
    write(writer) {
      const start = writer.header(routeHeaderSize);
      writer.setUint8(start, familyNumbers[family], 'family');
      if (table !== undefined) writer.uint32(routeAttributes.table, table, 'table');
      if (linkIndex !== undefined) writer.uint32(routeAttributes.link, linkIndex, 'linkIndex');
    },
    decode(message) {
      if (message.type !== routeMessages.new) return undefined;
      // `rtm_dst_len`; a message that is too short for it is the decoder's to refuse.
      if (message.start + 1 < message.end && message.buffer.readUInt8(message.start + 1) > longestPrefix)
        return undefined;
      const route = decodeRoute(message);
      if (route?.family !== family || (table !== undefined && route.table !== table)) return undefined;
      return linkIndex === undefined || leavesBy(route, linkIndex) ? route : undefined;
    },
  };
}

function leavesBy(route: Route, linkIndex: number): boolean {
  return (
    route.linkIndex === linkIndex ||
    route.nexthops?.some((nexthop) => nexthop.linkIndex === linkIndex) === true
  );
}
