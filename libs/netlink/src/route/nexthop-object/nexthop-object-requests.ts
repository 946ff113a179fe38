import { familyNumbers, parseIpAddress } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import { writeEncapsulation } from '../route/route-metrics-codec.ts';
import { onlinkFlag } from '../route/route-attributes.ts';
import type { RouteRequest } from '../route-request.ts';
import type { NexthopObject } from './nexthop-object.ts';
import {
  groupMemberSize,
  nexthopAttributes as nha,
  nexthopMessages,
  nexthopObjectHeaderSize,
  resilientAttributes,
  resilientGroupType,
} from './nexthop-object-attributes.ts';

/** Largest weight (`struct nexthop_grp`, Linux 6.12). */
const largestWeight = 0x1_0000;

/** Adds a next-hop object. Fails with EEXIST when its number is taken. */
export function nexthopObjectAdd(object: NexthopObject): RouteRequest {
  return nexthopObject('nexthop add', messageFlags.create | messageFlags.exclusive, object);
}

/** Adds a next-hop object, or changes the one with its number for all routes that use it. */
export function nexthopObjectReplace(object: NexthopObject): RouteRequest {
  return nexthopObject('nexthop replace', messageFlags.create | messageFlags.replace, object);
}

/** Deletes a next-hop object and all routes that use it. Fails with ENOENT when there is none. */
export function nexthopObjectDelete({ id }: Pick<NexthopObject, 'id'>): RouteRequest {
  return {
    operation: 'nexthop del',
    type: nexthopMessages.delete,
    flags: 0,
    write(writer) {
      writer.header(nexthopObjectHeaderSize);
      writer.uint32(nha.id, id, 'id');
    },
  };
}

function nexthopObject(operation: string, flags: number, object: NexthopObject): RouteRequest {
  return { operation, type: nexthopMessages.new, flags, write: (writer) => writeObject(writer, object) };
}

function writeObject(writer: MessageWriter, object: NexthopObject): void {
  const { id, family, protocol, linkIndex, gateway, onlink, encap, group, resilient } = object;
  const start = writer.header(nexthopObjectHeaderSize);
  writer.setUint8(start, family === undefined ? 0 : familyNumbers[family], 'family');
  writer.setUint8(start + 2, protocol, 'protocol');
  writer.setUint32(start + 4, onlink === true ? onlinkFlag : 0, 'flags');
  writer.uint32(nha.id, id, 'id');
  if (object.blackhole === true) writer.flag(nha.blackhole);
  if (linkIndex !== undefined) writer.uint32(nha.link, linkIndex, 'linkIndex');
  if (gateway !== undefined) writer.bytes(nha.gateway, parseIpAddress(gateway, 'gateway'));
  if (encap !== undefined) writeEncapsulation(writer, encap, nha);
  if (group !== undefined) writer.bytes(nha.group, groupBytes(group));
  if (resilient === undefined) return;
  writer.uint16(nha.groupType, resilientGroupType, 'group type');
  const list = writer.beginNest(nha.resilientGroup);
  writer.uint16(resilientAttributes.buckets, resilient.buckets, 'resilient.buckets');
  writer.uint32(resilientAttributes.idleTimer, resilient.idleTimer, 'resilient.idleTimer');
  writer.uint32(resilientAttributes.unbalancedTimer, resilient.unbalancedTimer, 'resilient.unbalancedTimer');
  writer.endNest(list);
}

function groupBytes(group: NonNullable<NexthopObject['group']>): Buffer {
  const bytes = Buffer.alloc(groupMemberSize * group.length);
  for (const [position, { id, weight }] of group.entries()) {
    if (!(Number.isInteger(weight) && weight >= 1 && weight <= largestWeight))
      throw new RequestInvalidError('weight', weight, `an integer from 1 to ${largestWeight}`);
    const start = groupMemberSize * position;
    bytes.writeUInt32LE(id, start);
    bytes.writeUInt16LE(weight - 1, start + 4);
  }
  return bytes;
}
