import type { AttributeReader } from '../../wire/attribute-reader.ts';
import { familyOf, formatIpAddress } from '../../wire/ip-address.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import type { Rule, RuleAction } from './rule.ts';
import { actionNumbers, invertFlag, ruleAttributes as fra, ruleHeaderSize } from './rule-attributes.ts';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

const actionNames = new Map(
  Object.entries(actionNumbers).map(([name, number]) => [number, name as RuleAction]),
);
/** What the kernel sends for "no suppression". */
const noSuppression = 0xffff_ffff;

/**
 * Decodes the current `RTM_NEWRULE` or `RTM_DELRULE` message.
 *
 * @returns undefined for families other than IP
 * @throws MalformedMessageError
 */
export function decodeRule(message: MessageReader): Rule | undefined {
  const attributes = message.attributes(ruleHeaderSize);
  const { buffer, start } = message;
  const family = familyOf(buffer.readUInt8(start));
  if (family === undefined) return undefined;
  const destinationLength = buffer.readUInt8(start + 1);
  const sourceLength = buffer.readUInt8(start + 2);
  const tos = buffer.readUInt8(start + 3);
  const table = buffer.readUInt8(start + 4);
  const action = actionNames.get(buffer.readUInt8(start + 7)) ?? 'nop';
  const rule: Writable<Rule> = { family, priority: 0, action };
  if (tos !== 0) rule.tos = tos;
  if (table !== 0 && action === 'table') rule.table = table;
  if ((buffer.readUInt32LE(start + 8) & invertFlag) !== 0) rule.invert = true;
  while (attributes.next()) readAttribute(rule, attributes, sourceLength, destinationLength);
  return rule;
}

function readAttribute(
  rule: Writable<Rule>,
  attribute: AttributeReader,
  sourceLength: number,
  destinationLength: number,
): void {
  switch (attribute.type) {
    case fra.source:
      rule.source = `${formatIpAddress(attribute.bytes()) ?? ''}/${sourceLength}`;
      return;
    case fra.destination:
      rule.destination = `${formatIpAddress(attribute.bytes()) ?? ''}/${destinationLength}`;
      return;
    case fra.priority:
      rule.priority = attribute.uint32();
      return;
    case fra.table: {
      const table = attribute.uint32();
      if (table !== 0) rule.table = table;
      return;
    }
    case fra.goto:
      rule.goto = attribute.uint32();
      return;
    case fra.fwmark:
      rule.fwmark = attribute.uint32();
      return;
    case fra.fwmask:
      rule.fwmask = attribute.uint32();
      return;
    case fra.iif:
      rule.iif = attribute.string();
      return;
    case fra.oif:
      rule.oif = attribute.string();
      return;
    case fra.l3mdev:
      if (attribute.uint8() !== 0) rule.l3mdev = true;
      return;
    case fra.uidRange:
      rule.uidRange = { start: attribute.uint32At(0), end: attribute.uint32At(4) };
      return;
    case fra.protocol: {
      const protocol = attribute.uint8();
      if (protocol !== 0) rule.protocol = protocol;
      return;
    }
    case fra.ipProtocol:
      rule.ipProtocol = attribute.uint8();
      return;
    case fra.sourcePorts:
      rule.sourcePorts = portRange(attribute.uint32());
      return;
    case fra.destinationPorts:
      rule.destinationPorts = portRange(attribute.uint32());
      return;
    case fra.suppressPrefixLength:
      setUnlessNone(rule, 'suppressPrefixLength', attribute.uint32());
      return;
    case fra.suppressGroup:
      setUnlessNone(rule, 'suppressGroup', attribute.uint32());
      return;
  }
}

function portRange(word: number): { start: number; end: number } {
  return { start: word & 0xffff, end: word >>> 16 };
}

function setUnlessNone(
  rule: Writable<Rule>,
  field: 'suppressPrefixLength' | 'suppressGroup',
  value: number,
): void {
  if (value !== noSuppression) rule[field] = value;
}
