import { messageFlags } from '../../wire/message-header.ts';
import type { RouteDump } from '../route-dump.ts';
import type { NexthopObject } from './nexthop-object.ts';
import { nexthopMessages, nexthopObjectHeaderSize } from './nexthop-object-attributes.ts';
import { decodeNexthopObject } from './nexthop-object-decoder.ts';

/** Asks for all next-hop objects. */
export function nexthopObjectDump(): RouteDump<NexthopObject> {
  return {
    operation: 'nexthop list',
    type: nexthopMessages.get,
    flags: messageFlags.dump,
    write: (writer) => void writer.header(nexthopObjectHeaderSize),
    decode: (message) => (message.type === nexthopMessages.new ? decodeNexthopObject(message) : undefined),
  };
}
