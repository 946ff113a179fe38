import { messageFlags } from '../../wire/message-header.ts';
import type { MessageWriter } from '../../wire/message-writer.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import type { RouteRequest } from '../route-request.ts';
import { infoAttributes, linkAttributes, linkMessages, nameLimits } from './link-attributes.ts';
import { kindName, writeLinkData } from './link-data-codec.ts';
import { writeLinkChanges, writeLinkHeader } from './link-requests.ts';
import type { LinkSpec } from './link-spec.ts';

/**
 * Creates a link, one message. {@link RouteSocket.createLink} executes it and returns what came of it; this is for creating several at
 * once. The kernel takes no alias at creation.
 */
export function linkAdd(spec: Omit<LinkSpec, 'alias'>): RouteRequest {
  return {
    operation: `link add ${kindName(spec.kind)}`,
    type: linkMessages.new,
    flags: messageFlags.create | messageFlags.exclusive,
    write: (writer) => writeLinkSpec(writer, spec),
  };
}

function writeLinkSpec(writer: MessageWriter, spec: Omit<LinkSpec, 'alias'>): void {
  const { kind, parent, txQueues, rxQueues, index = 0, up } = spec;
  if (kind.kind === 'veth' && up === true && spec.namespace !== undefined) {
    throw new RequestInvalidError(
      'up',
      up,
      'absent for a veth pair whose near end is created in another namespace',
    );
  }
  writeLinkHeader(writer, index, up === undefined ? {} : { up });
  const { name, mtu, address, group, txQueueLength, master, namespace } = spec;
  writeLinkChanges(writer, {
    ...(name === undefined ? {} : { name }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(address === undefined ? {} : { address }),
    ...(group === undefined ? {} : { group }),
    ...(txQueueLength === undefined ? {} : { txQueueLength }),
    ...(master === undefined ? {} : { master }),
    ...(namespace === undefined ? {} : { namespace }),
  });
  if (parent !== undefined) writer.uint32(linkAttributes.link, parent, 'parent');
  if (txQueues !== undefined) writer.uint32(linkAttributes.txQueues, txQueues, 'txQueues');
  if (rxQueues !== undefined) writer.uint32(linkAttributes.rxQueues, rxQueues, 'rxQueues');
  const info = writer.beginNest(linkAttributes.linkInfo);
  writer.string(infoAttributes.kind, kindName(kind), nameLimits.kind, 'kind');
  const data = writer.beginNest(infoAttributes.data);
  writeLinkData(writer, kind);
  writer.endNest(data);
  writer.endNest(info);
}
