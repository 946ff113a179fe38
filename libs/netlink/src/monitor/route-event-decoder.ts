import { decodeAddress } from '../route/address/address-decoder.ts';
import { addressMessages } from '../route/address/address-attributes.ts';
import { linkAttributes, linkHeaderSize, linkMessages } from '../route/link/link-attributes.ts';
import { decodeLink } from '../route/link/link-decoder.ts';
import { neighbourMessages } from '../route/neighbour/neighbour-attributes.ts';
import { decodeNeighbour } from '../route/neighbour/neighbour-decoder.ts';
import { routeMessages } from '../route/route/route-attributes.ts';
import { decodeRoute } from '../route/route/route-decoder.ts';
import { ruleMessages } from '../route/rule/rule-attributes.ts';
import { decodeRule } from '../route/rule/rule-decoder.ts';
import type { MessageReader } from '../wire/message-reader.ts';
import type { LinkEvent, RouteEvent } from './route-event.ts';

/** A bridge's port is reported in `AF_BRIDGE` messages that hold little of the link. */
const afBridge = 7;

/**
 * Decodes the current message of a multicast group.
 *
 * @returns undefined for what no {@link RouteEvent} describes
 * @throws MalformedMessageError
 */
export function decodeRouteEvent(message: MessageReader): RouteEvent | undefined {
  switch (message.type) {
    case linkMessages.new:
    case linkMessages.delete:
      return decodeLinkEvent(message);
    case addressMessages.new:
    case addressMessages.delete: {
      const address = decodeAddress(message);
      const action = message.type === addressMessages.new ? 'new' : 'delete';
      return address && { group: 'address', action, address };
    }
    case routeMessages.new:
    case routeMessages.delete: {
      const route = decodeRoute(message);
      return (
        route && { group: 'route', action: message.type === routeMessages.new ? 'new' : 'delete', route }
      );
    }
    case ruleMessages.new:
    case ruleMessages.delete: {
      const rule = decodeRule(message);
      return rule && { group: 'rule', action: message.type === ruleMessages.new ? 'new' : 'delete', rule };
    }
    case neighbourMessages.new:
    case neighbourMessages.delete: {
      const neighbour = decodeNeighbour(message);
      const action = message.type === neighbourMessages.new ? 'new' : 'delete';
      return neighbour && { group: 'neighbour', action, neighbour };
    }
    default:
      return undefined;
  }
}

/**
 * Decodes the current message, which is of `RTNLGRP_LINK`.
 *
 * @returns undefined for what describes a bridge's port
 * @throws MalformedMessageError
 */
export function decodeLinkEvent(message: MessageReader): LinkEvent | undefined {
  const link = decodeLink(message);
  if (message.buffer.readUInt8(message.start) === afBridge) return undefined;
  if (message.type === linkMessages.new) return { group: 'link', action: 'new', link };
  let namespaceId: number | undefined;
  let index = link.index;
  const attributes = message.attributes(linkHeaderSize);
  while (attributes.next()) {
    if (attributes.type === linkAttributes.newNamespaceId) namespaceId = attributes.int32();
    else if (attributes.type === linkAttributes.newIndex) index = attributes.int32();
  }
  if (namespaceId === undefined) return { group: 'link', action: 'delete', link };
  return { group: 'link', action: 'delete', link, movedTo: { namespaceId, index } };
}
