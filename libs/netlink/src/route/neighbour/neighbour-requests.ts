import { parseHardwareAddress } from '../../wire/hardware-address.ts';
import { familyNumbers, familyOfBytes, parseIpAddress } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import type { RouteRequest } from '../route-request.ts';
import { type NeighbourSpec, neighbourStates } from './neighbour.ts';
import {
  neighbourAttributes as nda,
  neighbourHeaderSize,
  neighbourMessages,
} from './neighbour-attributes.ts';

/** `RTN_UNICAST`, which the kernel stores and does not use. */
const unicast = 1;

/** Adds a neighbour. Fails with EEXIST when there is one for the address. */
export function neighbourAdd(spec: NeighbourSpec): RouteRequest {
  return neighbour('neigh add', neighbourMessages.new, messageFlags.create | messageFlags.exclusive, spec);
}

/** Adds a neighbour, or puts it in the place of the one for the address. */
export function neighbourReplace(spec: NeighbourSpec): RouteRequest {
  return neighbour('neigh replace', neighbourMessages.new, messageFlags.create | messageFlags.replace, spec);
}

/** Deletes a neighbour. Fails with ENOENT when there is none for the address. */
export function neighbourDelete(spec: NeighbourSpec): RouteRequest {
  return neighbour('neigh del', neighbourMessages.delete, 0, spec);
}

function neighbour(operation: string, type: number, flags: number, spec: NeighbourSpec): RouteRequest {
  return { operation, type, flags, write: (writer) => writeNeighbour(writer, spec) };
}

function writeNeighbour(writer: MessageWriter, spec: NeighbourSpec): void {
  const bytes = parseIpAddress(spec.address, 'address');
  const start = writer.header(neighbourHeaderSize);
  writer.setUint8(start, familyNumbers[familyOfBytes(bytes)], 'family');
  writer.setUint32(start + 4, spec.linkIndex, 'linkIndex');
  writer.setUint16(start + 8, spec.state ?? neighbourStates.permanent, 'state');
  writer.setUint8(start + 10, spec.flags ?? 0, 'flags');
  writer.setUint8(start + 11, unicast, 'type');
  writer.bytes(nda.destination, bytes);
  if (spec.linkAddress !== undefined) {
    writer.bytes(nda.linkAddress, parseHardwareAddress(spec.linkAddress, 'linkAddress'));
  }
  if (spec.protocol !== undefined) writer.uint8(nda.protocol, spec.protocol, 'protocol');
}
