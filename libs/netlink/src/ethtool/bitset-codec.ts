import type { AttributeReader } from '../wire/attribute-reader.ts';
import type { MessageWriter } from '../wire/message-writer.ts';
import { bitAttribute, bitAttributes, bitsetAttributes } from './ethtool-attributes.ts';

/** `ETH_GSTRING_LEN` without the zero (linux/ethtool.h). */
const longestName = 31;

/** Writes which named bits are to be set and which cleared; the others stay as they are. */
export function writeBitset(
  writer: MessageWriter,
  type: number,
  values: Readonly<Record<string, boolean>>,
): void {
  const set = writer.beginNest(type);
  const bits = writer.beginNest(bitsetAttributes.bits);
  for (const [name, value] of Object.entries(values)) {
    const bit = writer.beginNest(bitAttribute);
    writer.string(bitAttributes.name, name, longestName, 'name');
    if (value) writer.flag(bitAttributes.value);
    writer.endNest(bit);
  }
  writer.endNest(bits);
  writer.endNest(set);
}

/** Reads a set of named bits: those that it speaks of, and whether they are set. A set without a mask lists only bits that are. */
export function readBitset(attribute: AttributeReader): Map<string, boolean> {
  const values = new Map<string, boolean>();
  let withoutMask = false;
  const set = attribute.nested();
  while (set.next()) {
    if (set.type === bitsetAttributes.withoutMask) withoutMask = true;
    if (set.type !== bitsetAttributes.bits) continue;
    const bits = set.nested();
    while (bits.next()) readBit(bits.nested(), withoutMask, values);
  }
  return values;
}

function readBit(bit: AttributeReader, withoutMask: boolean, values: Map<string, boolean>): void {
  let name: string | undefined;
  let value = withoutMask;
  while (bit.next()) {
    if (bit.type === bitAttributes.name) name = bit.string();
    else if (bit.type === bitAttributes.value) value = true;
  }
  if (name !== undefined) values.set(name, value);
}
