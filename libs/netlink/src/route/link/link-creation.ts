import { messageFlags } from '../../wire/message-header.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import type { RouteRequest } from '../route-request.ts';
import type { Link } from './link.ts';
import { linkAttributes, linkHeaderSize, linkMessages, nameLimits } from './link-attributes.ts';
import { linkAdd } from './link-create.ts';
import type { LinkSpec } from './link-spec.ts';

/** Which link was created. */
export interface CreatedLink {
  readonly index: number;
  /** As {@link Link.parent}, if the kernel has told. */
  readonly parent?: number;
}

/** Reads no more of an echo than which link it is. */
export function decodeCreatedLink(message: MessageReader): CreatedLink {
  const attributes = message.attributes(linkHeaderSize);
  const index = message.buffer.readInt32LE(message.start + 4);
  while (attributes.next()) {
    if (attributes.type === linkAttributes.link) return { index, parent: attributes.int32() };
  }
  return { index };
}

/** The creation of one link, which the kernel answers with the link itself. */
export class LinkCreation<T = Link> {
  readonly spec: LinkSpec;
  readonly request: RouteRequest;
  /** The link as the kernel echoed it. */
  link: T | undefined;
  readonly #decode: (message: MessageReader) => T;

  /**
   * @param decode what is made of the echo
   * @throws RequestInvalidError when the link could be created and not found or completed
   */
  constructor(spec: LinkSpec, decode: (message: MessageReader) => T) {
    if (spec.namespace !== undefined && spec.name === undefined) {
      throw new RequestInvalidError('name', spec.name, 'given when a link is created in another namespace');
    }
    if (Buffer.byteLength(spec.alias ?? '') > nameLimits.alias) {
      throw new RequestInvalidError('alias', spec.alias, `at most ${nameLimits.alias} bytes`);
    }
    this.spec = spec;
    this.#decode = decode;
    const request = linkAdd(spec);
    this.request = { ...request, flags: request.flags | messageFlags.echo };
  }

  /** How it is found without an echo; undefined when the kernel chose its name. */
  get selector(): { readonly name: string } | { readonly index: number } | undefined {
    const { name, index } = this.spec;
    if (name !== undefined) return { name };
    return index === undefined ? undefined : { index };
  }

  readonly onReply = (message: MessageReader): void => {
    // In another namespace the answer would go to whoever has this socket's number there.
    if (message.type === linkMessages.new && this.spec.namespace === undefined)
      this.link = this.#decode(message);
  };
}
