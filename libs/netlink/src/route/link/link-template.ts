import { RequestTemplate } from '../../socket/request-template.ts';
import { messageFlags } from '../../wire/message-header.ts';
import type { MessageReader } from '../../wire/message-reader.ts';
import type { ReferencedNamespace } from '../../wire/message-writer.ts';
import type { RouteSocket } from '../route-socket.ts';
import { vanished } from './complete-link.ts';
import { linkAttributes, linkHeaderSize, linkMessages } from './link-attributes.ts';
import { linkAdd } from './link-create.ts';
import type { LinkSpec } from './link-spec.ts';

/** Which link was created. */
export interface CreatedLink {
  readonly index: number;
  /** As {@link Link.parent}, if the kernel has told. */
  readonly parent?: number;
}

/** A link to be found by its name; of an alias the kernel takes no notice at creation. */
export type TemplateLinkSpec = Omit<LinkSpec, 'alias'> & { readonly name: string };

/** The creation of a link, written before the namespace is known that it, or its peer, is created in. */
export class LinkTemplate {
  readonly #name: string;
  readonly #request: RequestTemplate;
  readonly #isElsewhere: boolean;

  /**
   * @param specFor makes the link's specification for a namespace; but for it, it is always the same
   * @throws RequestInvalidError when it cannot be written
   */
  constructor(specFor: (namespace: ReferencedNamespace) => TemplateLinkSpec) {
    const { name, namespace } = specFor(placeholder(0));
    this.#name = name;
    this.#isElsewhere = namespace !== undefined;
    this.#request = new RequestTemplate((fd) => {
      const request = linkAdd(specFor(placeholder(fd)));
      return [{ ...request, flags: request.flags | messageFlags.echo }];
    });
  }

  /**
   * Creates the link. Tells only which one it is: whoever has written the request before is in a hurry.
   *
   * @param here in the namespace where the specification's indexes count
   * @param there in the namespace that was not known before
   * @throws NetlinkError as {@link RouteSocket.createLink}
   */
  create(
    here: Pick<RouteSocket, 'executeTemplate' | 'linkIndex'>,
    namespace: Pick<ReferencedNamespace, 'fd'>,
    there: Pick<RouteSocket, 'linkIndex'>,
  ): CreatedLink {
    let created: CreatedLink | undefined;
    here.executeTemplate(this.#request, namespace.fd, (message) => {
      // In another namespace the answer would go to whoever has this socket's number there.
      if (message.type === linkMessages.new && !this.#isElsewhere) created = decodeCreatedLink(message);
    });
    if (created !== undefined) return created;
    // Kernels before 6.2 do not tell of links in their own namespace either.
    const index = (this.#isElsewhere ? there : here).linkIndex(this.#name);
    if (index === undefined) throw vanished(false);
    return { index };
  }
}

/** Reads no more of an echo than which link it is. */
function decodeCreatedLink(message: MessageReader): CreatedLink {
  const attributes = message.attributes(linkHeaderSize);
  const index = message.buffer.readInt32LE(message.start + 4);
  while (attributes.next()) {
    if (attributes.type === linkAttributes.link) return { index, parent: attributes.int32() };
  }
  return { index };
}

function placeholder(fd: number): ReferencedNamespace {
  const hold = () => {
    throw new Error('there is no namespace yet that could be held');
  };
  return { fd, path: '', hold };
}
