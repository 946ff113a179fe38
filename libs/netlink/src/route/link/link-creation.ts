import { messageFlags } from '../../wire/message-header.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import { RequestInvalidError } from '../../wire/request-invalid-error.ts';
import type { RouteRequest } from '../route-request.ts';
import type { Link } from './link.ts';
import { linkMessages, nameLimits } from './link-attributes.ts';
import { linkAdd } from './link-create.ts';
import { decodeLink } from './link-decoder.ts';
import type { LinkSpec } from './link-spec.ts';

/** The creation of one link, which the kernel answers with the link itself. */
export class LinkCreation {
  readonly spec: LinkSpec;
  readonly request: RouteRequest;
  /** The link as the kernel echoed it. */
  link: Link | undefined;

  /** @throws RequestInvalidError when the link could be created and not found or completed */
  constructor(spec: LinkSpec) {
    if (spec.namespace !== undefined && spec.name === undefined) {
      throw new RequestInvalidError('name', spec.name, 'given when a link is created in another namespace');
    }
    if (Buffer.byteLength(spec.alias ?? '') > nameLimits.alias) {
      throw new RequestInvalidError('alias', spec.alias, `at most ${nameLimits.alias} bytes`);
    }
    this.spec = spec;
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
      this.link = decodeLink(message);
  };
}
