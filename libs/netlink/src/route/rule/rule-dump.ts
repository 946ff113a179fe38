import { type AddressFamily, familyNumbers } from '../../wire/ip-address.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { RouteDump } from '../route-dump.ts';
import type { Rule } from './rule.ts';
import { ruleHeaderSize, ruleMessages } from './rule-attributes.ts';
import { decodeRule } from './rule-decoder.ts';

/** Asks for the rules of one family. */
export function ruleDump({ family }: { readonly family: AddressFamily }): RouteDump<Rule> {
  return {
    operation: 'rule list',
    type: ruleMessages.get,
    flags: messageFlags.dump,
    write(writer) {
      writer.setUint8(writer.header(ruleHeaderSize), familyNumbers[family], 'family');
    },
    decode(message) {
      if (message.type !== ruleMessages.new) return undefined;
      const rule = decodeRule(message);
      return rule?.family === family ? rule : undefined;
    },
  };
}
