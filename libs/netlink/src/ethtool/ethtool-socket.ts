import { GenericSocket } from '../generic/generic-socket.ts';
import { type GenericRequest, genericHeaderSize } from '../generic/generic-request.ts';
import { NetlinkError } from '../socket/netlink-error.ts';
import type { MessageReader } from '../wire/message-reader.ts';
import type { MessageWriter, ReferencedNamespace } from '../wire/message-writer.ts';
import { readBitset, writeBitset } from './bitset-codec.ts';
import {
  ethtoolCommands,
  featureAttributes,
  headerAttribute,
  headerAttributes,
  privateFlagsAttribute,
} from './ethtool-attributes.ts';
import type { LinkFeatures } from './link-feature.ts';

/** Where an {@link EthtoolSocket} is opened. */
export interface EthtoolSocketOptions {
  /** Default: the namespace that this thread is in. The socket works on after the namespace object is closed. */
  readonly namespace?: Pick<ReferencedNamespace, 'fd' | 'path'>;
}

/** Features or flags by name, and whether they are on. */
export type Switches = Readonly<Record<string, boolean>>;

/** `ETHTOOL_GENL_VERSION` (linux/ethtool_netlink.h). */
const version = 1;

/**
 * Reads and changes what drivers offer beyond rtnetlink, for the links of one network namespace. Everything is done on threads of libuv's
 * pool: the kernel takes the lock for it that moving a link holds, and hardware may take its time.
 */
export class EthtoolSocket {
  readonly #socket: GenericSocket;

  private constructor(socket: GenericSocket) {
    this.#socket = socket;
  }

  /**
   * @throws SystemCallError when the namespace cannot be entered; NetlinkError with code ENOENT when the kernel has no ethtool netlink
   * (before Linux 5.6, or built without CONFIG_ETHTOOL_NETLINK)
   */
  static open({ namespace }: EthtoolSocketOptions = {}): EthtoolSocket {
    return new EthtoolSocket(
      GenericSocket.open({
        family: 'ethtool',
        version,
        ...(namespace === undefined ? {} : { namespace }),
      }),
    );
  }

  /**
   * The offload features of a link.
   *
   * @throws NetlinkError with code ENODEV when there is no such link
   */
  async features(linkIndex: number): Promise<LinkFeatures> {
    const sets = new Map<number, Map<string, boolean>>();
    await this.#execute('ethtool features get', ethtoolCommands.featuresGet, linkIndex, {
      onReply: (message) => readFeatureSets(message, sets),
    });
    const has = (set: number, name: string) => sets.get(set)?.get(name) === true;
    // The set of the changeable ones speaks of all.
    const names = sets.get(featureAttributes.changeable)?.keys() ?? [];
    return Object.fromEntries(
      Array.from(names, (name) => [
        name,
        {
          active: has(featureAttributes.active, name),
          wanted: has(featureAttributes.wanted, name),
          changeable: has(featureAttributes.changeable, name) && !has(featureAttributes.fixed, name),
        },
      ]),
    );
  }

  /**
   * Switches features of a link on or off. Names that the kernel does not know are an error, and nothing is changed then; a feature that the
   * link has not, or not without another one that is off, is none.
   *
   * @returns the names of those that are not as they were asked for
   * @throws NetlinkError when the kernel refuses it (ENODEV: there is no such link; EOPNOTSUPP, EINVAL: a name is unknown)
   */
  async setFeatures(linkIndex: number, wanted: Switches): Promise<readonly string[]> {
    const sets = new Map<number, Map<string, boolean>>();
    await this.#execute('ethtool features set', ethtoolCommands.featuresSet, linkIndex, {
      write: (writer) => writeBitset(writer, featureAttributes.wanted, wanted),
      onReply: (message) => readFeatureSets(message, sets),
    });
    // The kernel answers with those whose outcome is another than what was wanted.
    return [...(sets.get(featureAttributes.wanted)?.keys() ?? [])];
  }

  /**
   * The flags that the link's driver has beyond what all drivers have, as `ethtool --show-priv-flags` shows them; none when it has none.
   *
   * @throws NetlinkError with code ENODEV when there is no such link
   */
  async privateFlags(linkIndex: number): Promise<Switches> {
    let flags = new Map<string, boolean>();
    try {
      await this.#execute('ethtool private flags get', ethtoolCommands.privateFlagsGet, linkIndex, {
        onReply: (message) => {
          const attributes = message.attributes(genericHeaderSize);
          while (attributes.next())
            if (attributes.type === privateFlagsAttribute) flags = readBitset(attributes);
        },
      });
    } catch (error) {
      if (!(error instanceof NetlinkError && error.code === 'EOPNOTSUPP')) throw error;
    }
    return Object.fromEntries(flags);
  }

  /**
   * Switches flags of the link's driver on or off, all or none.
   *
   * @throws NetlinkError when kernel or driver refuse it (ENODEV: there is no such link; EOPNOTSUPP: its driver has no flags, or a name is
   * unknown)
   */
  async setPrivateFlags(linkIndex: number, wanted: Switches): Promise<void> {
    await this.#execute('ethtool private flags set', ethtoolCommands.privateFlagsSet, linkIndex, {
      write: (writer) => writeBitset(writer, privateFlagsAttribute, wanted),
    });
  }

  /** Repeatable. */
  close(): void {
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #execute(
    operation: string,
    command: number,
    linkIndex: number,
    {
      write,
      onReply,
    }: {
      readonly write?: (writer: MessageWriter) => void;
      readonly onReply?: (message: MessageReader) => void;
    },
  ): Promise<void> {
    const request: GenericRequest = {
      operation,
      command,
      write(writer) {
        const header = writer.beginNest(headerAttribute);
        writer.uint32(headerAttributes.linkIndex, linkIndex, 'linkIndex');
        writer.endNest(header);
        write?.(writer);
      },
      ...(onReply === undefined ? {} : { onReply }),
    };
    await this.#socket.execute(request);
  }
}

function readFeatureSets(message: MessageReader, sets: Map<number, Map<string, boolean>>): void {
  const attributes = message.attributes(genericHeaderSize);
  while (attributes.next()) {
    if (attributes.type !== headerAttribute) sets.set(attributes.type, readBitset(attributes));
  }
}
