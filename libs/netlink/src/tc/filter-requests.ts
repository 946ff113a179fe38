import { messageFlags } from '../wire/message-header.ts';
import type { MessageReader } from '../wire/message-reader.ts';
import type { RouteDump } from '../route/route-dump.ts';
import type { RouteRequest } from '../route/route-request.ts';
import { type Filter, type FilterParent, filterParents } from './filter.ts';
import {
  bpfFilterAttributes,
  filterMessages,
  trafficAttributes as tca,
  trafficHeaderSize,
} from './filter-attributes.ts';

const longestKind = 15;

/** Takes a filter away. Fails with ENOENT when there is none such. */
export function filterDelete(filter: Filter): RouteRequest {
  return {
    operation: 'filter del',
    type: filterMessages.delete,
    flags: 0,
    write(writer) {
      const start = writer.header(trafficHeaderSize);
      writer.setUint32(start + 4, filter.linkIndex, 'linkIndex');
      writer.setUint32(start + 8, filter.handle, 'handle');
      writer.setUint32(start + 12, filterParents[filter.parent], 'parent');
      writer.setUint16(start + 16, swapped(filter.protocol), 'protocol');
      writer.setUint16(start + 18, filter.priority, 'priority');
      writer.string(tca.kind, filter.kind, longestKind, 'kind');
      if (filter.chain !== 0) writer.uint32(tca.chain, filter.chain, 'chain');
    },
  };
}

/** Asks for the filters that hang there. */
export function filterDump(linkIndex: number, parent: FilterParent): RouteDump<Filter> {
  return {
    operation: 'filter list',
    type: filterMessages.get,
    flags: messageFlags.dump,
    write(writer) {
      const start = writer.header(trafficHeaderSize);
      writer.setUint32(start + 4, linkIndex, 'linkIndex');
      writer.setUint32(start + 12, filterParents[parent], 'parent');
    },
    decode: (message) => (message.type === filterMessages.new ? decode(message, parent) : undefined),
  };
}

function decode(message: MessageReader, parent: FilterParent): Filter | undefined {
  const { buffer, start } = message;
  const attributes = message.attributes(trafficHeaderSize);
  let kind = '';
  let chain = 0;
  let programName: string | undefined;
  while (attributes.next()) {
    if (attributes.type === tca.kind) kind = attributes.string();
    else if (attributes.type === tca.chain) chain = attributes.uint32();
    else if (attributes.type === tca.options && kind === 'bpf') {
      const options = attributes.nested();
      while (options.next()) if (options.type === bpfFilterAttributes.name) programName = options.string();
    }
  }
  const handle = buffer.readUInt32LE(start + 8);
  // Besides each filter the kernel lists what those of one priority have in common, without a handle.
  if (handle === 0) return undefined;
  return {
    linkIndex: buffer.readInt32LE(start + 4),
    parent,
    kind,
    handle,
    priority: buffer.readUInt16LE(start + 18),
    protocol: swapped(buffer.readUInt16LE(start + 16)),
    chain,
    ...(programName === undefined ? {} : { programName }),
  };
}

/** `tcm_info` holds the protocol in network byte order. */
function swapped(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}
