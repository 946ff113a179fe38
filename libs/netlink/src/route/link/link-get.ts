import { messageFlags } from '../../wire/message-header.ts';
import type { RouteDump } from '../route-dump.ts';
import type { RouteRequest } from '../route-request.ts';
import type { Link, LinkSelector } from './link.ts';
import { filterSkipStatistics, linkAttributes, linkMessages, nameLimits } from './link-attributes.ts';
import { decodeLink } from './link-decoder.ts';
import { writeLinkHeader } from './link-requests.ts';

/** Asks for one link. */
export function linkGet(selector: LinkSelector): RouteRequest {
  return {
    operation: 'link get',
    type: linkMessages.get,
    flags: 0,
    write(writer) {
      writeLinkHeader(writer, 'index' in selector ? selector.index : 0);
      if ('name' in selector) writer.string(linkAttributes.name, selector.name, nameLimits.name, 'name');
      if ('altname' in selector) {
        writer.string(linkAttributes.altname, selector.altname, nameLimits.altname, 'altname');
      }
      writer.uint32(linkAttributes.extraMask, filterSkipStatistics, 'mask');
    },
  };
}

/** Asks for all links. */
export function linkDump(): RouteDump<Link> {
  return {
    operation: 'link list',
    type: linkMessages.get,
    flags: messageFlags.dump,
    write(writer) {
      writeLinkHeader(writer, 0);
      writer.uint32(linkAttributes.extraMask, filterSkipStatistics, 'mask');
    },
    decode: (message) => (message.type === linkMessages.new ? decodeLink(message) : undefined),
  };
}
