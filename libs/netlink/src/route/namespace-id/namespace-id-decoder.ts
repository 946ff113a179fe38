import type { MessageReader } from '../../wire/message-reader.ts';
import { namespaceIdAttributes, namespaceIdHeaderSize } from './namespace-id-attributes.ts';

/**
 * Reads the number in the current `RTM_*NSID` message.
 *
 * @returns undefined when the namespace has none
 * @throws MalformedMessageError
 */
export function decodeNamespaceId(message: MessageReader): number | undefined {
  const attributes = message.attributes(namespaceIdHeaderSize);
  while (attributes.next()) {
    if (attributes.type !== namespaceIdAttributes.id) continue;
    const id = attributes.int32();
    return id >= 0 ? id : undefined;
  }
  return undefined;
}
