import { familyNumbers, type IpPrefix, parseIpPrefix } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import type { RouteRequest } from '../route-request.ts';
import { routeProtocols } from '../route/route.ts';
import type { RuleSpec } from './rule.ts';
import {
  actionNumbers,
  invertFlag,
  ruleAttributes as fra,
  ruleHeaderSize,
  ruleMessages,
} from './rule-attributes.ts';

/** Adds a rule. Fails with EEXIST when there is the same one with the same priority. Without priority the kernel puts it first. */
export function ruleAdd(spec: RuleSpec): RouteRequest {
  return rule('rule add', ruleMessages.new, messageFlags.create | messageFlags.exclusive, spec);
}

/** Deletes the first rule that matches; absent members match all. Fails with ENOENT when none does. */
export function ruleDelete(spec: RuleSpec): RouteRequest {
  return rule('rule del', ruleMessages.delete, 0, spec);
}

const nameLimit = 15;

function rule(operation: string, type: number, flags: number, spec: RuleSpec): RouteRequest {
  return { operation, type, flags, write: (writer) => writeRule(writer, spec, type === ruleMessages.delete) };
}

function writeRule(writer: MessageWriter, spec: RuleSpec, deleting: boolean): void {
  const source = spec.source === undefined ? undefined : parseIpPrefix(spec.source, 'source');
  const destination =
    spec.destination === undefined ? undefined : parseIpPrefix(spec.destination, 'destination');
  const family = spec.family ?? source?.family ?? destination?.family;
  if (family === undefined) {
    throw new RequestInvalidError('family', family, '4 or 6 when neither source nor destination is given');
  }
  const { table } = spec;
  const action = spec.action ?? (deleting ? undefined : 'table');
  const start = writer.header(ruleHeaderSize);
  writer.setUint8(start, familyNumbers[family], 'family');
  writer.setUint8(start + 1, destination?.length ?? 0, 'destination');
  writer.setUint8(start + 2, source?.length ?? 0, 'source');
  writer.setUint8(start + 3, spec.tos ?? 0, 'tos');
  writer.setUint8(start + 4, table !== undefined && table < 256 ? table : 0, 'table');
  writer.setUint8(start + 7, action === undefined ? 0 : actionNumbers[action], 'action');
  writer.setUint32(start + 8, spec.invert === true ? invertFlag : 0, 'invert');
  writePrefix(writer, fra.destination, destination);
  writePrefix(writer, fra.source, source);
  for (const field of numbers) {
    const value = spec[field];
    if (value !== undefined) writer.uint32(fra[field], value, field);
  }
  for (const field of ['iif', 'oif'] as const) {
    const name = spec[field];
    if (name !== undefined) writer.string(fra[field], name, nameLimit, field);
  }
  if (spec.l3mdev !== undefined) writer.uint8(fra.l3mdev, Number(spec.l3mdev), 'l3mdev');
  if (spec.ipProtocol !== undefined) writer.uint8(fra.ipProtocol, spec.ipProtocol, 'ipProtocol');
  const protocol = spec.protocol ?? (deleting ? undefined : routeProtocols.static);
  if (protocol !== undefined) writer.uint8(fra.protocol, protocol, 'protocol');
  if (spec.uidRange !== undefined) {
    const range = Buffer.alloc(8);
    range.writeUInt32LE(spec.uidRange.start, 0);
    range.writeUInt32LE(spec.uidRange.end, 4);
    writer.bytes(fra.uidRange, range);
  }
  for (const field of ['sourcePorts', 'destinationPorts'] as const) {
    const ports = spec[field];
    if (ports === undefined) continue;
    const range = Buffer.alloc(4);
    range.writeUInt16LE(ports.start, 0);
    range.writeUInt16LE(ports.end, 2);
    writer.bytes(fra[field], range);
  }
}

const numbers = [
  'priority',
  'table',
  'goto',
  'fwmark',
  'fwmask',
  'suppressPrefixLength',
  'suppressGroup',
] as const satisfies readonly (keyof RuleSpec & keyof typeof fra)[];

function writePrefix(writer: MessageWriter, type: number, prefix: IpPrefix | undefined): void {
  if (prefix !== undefined && prefix.length > 0) writer.bytes(type, prefix.bytes);
}
