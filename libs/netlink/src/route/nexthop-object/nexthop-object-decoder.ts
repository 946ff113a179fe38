import type { AttributeReader } from '../../wire/attribute-reader.ts';
import { familyOf, formatIpAddress } from '../../wire/ip-address.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import { encapsulation } from '../route/route-metrics-codec.ts';
import { onlinkFlag } from '../route/route-attributes.ts';
import type { NexthopGroupMember, NexthopObject, ResilientGroup } from './nexthop-object.ts';
import {
  groupMemberSize,
  nexthopAttributes as nha,
  nexthopObjectHeaderSize,
  resilientAttributes,
} from './nexthop-object-attributes.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Decodes the current `RTM_NEWNEXTHOP` or `RTM_DELNEXTHOP` message.
 *
 * @throws MalformedMessageError
 */
export function decodeNexthopObject(message: MessageReader): NexthopObject {
  const attributes = message.attributes(nexthopObjectHeaderSize);
  const { buffer, start } = message;
  const family = familyOf(buffer.readUInt8(start));
  const object: Writable<NexthopObject> & { encapType?: number; encapAttributes?: string } = {
    id: 0,
    protocol: buffer.readUInt8(start + 2),
  };
  if (family !== undefined) object.family = family;
  if ((buffer.readUInt32LE(start + 4) & onlinkFlag) !== 0) object.onlink = true;
  while (attributes.next()) {
    switch (attributes.type) {
      case nha.id:
        object.id = attributes.uint32();
        break;
      case nha.link:
        object.linkIndex = attributes.uint32();
        break;
      case nha.gateway: {
        const gateway = formatIpAddress(attributes.bytes());
        if (gateway !== undefined) object.gateway = gateway;
        break;
      }
      case nha.blackhole:
        object.blackhole = true;
        break;
      case nha.encapType:
        object.encapType = attributes.uint16();
        break;
      case nha.encap:
        object.encapAttributes = attributes.hexadecimal();
        break;
      case nha.group:
        object.group = readGroup(attributes.bytes());
        break;
      case nha.resilientGroup:
        object.resilient = readResilient(attributes.nested());
        break;
    }
  }
  return encapsulation(object);
}

function readGroup(bytes: Buffer): NexthopGroupMember[] {
  const members: NexthopGroupMember[] = [];
  for (let start = 0; start + groupMemberSize <= bytes.length; start += groupMemberSize) {
    // Since Linux 6.12 a weight has 16 bits, the upper ones apart; before that they are zero.
    const weight = (bytes.readUInt8(start + 4) | (bytes.readUInt8(start + 5) << 8)) + 1;
    members.push({ id: bytes.readUInt32LE(start), weight });
  }
  return members;
}

function readResilient(attributes: AttributeReader): ResilientGroup {
  const group: Writable<ResilientGroup> = { buckets: 0, idleTimer: 0, unbalancedTimer: 0 };
  while (attributes.next()) {
    if (attributes.type === resilientAttributes.buckets) group.buckets = attributes.uint16();
    else if (attributes.type === resilientAttributes.idleTimer) group.idleTimer = attributes.uint32();
    else if (attributes.type === resilientAttributes.unbalancedTimer)
      group.unbalancedTimer = attributes.uint32();
  }
  return group;
}
