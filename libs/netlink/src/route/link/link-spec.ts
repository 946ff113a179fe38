import type { ReferencedNamespace } from '../../wire/message-writer.ts';
import type { LinkData } from './link-data.ts';

/** A link to be created. */
export interface LinkSpec {
  readonly kind: LinkData;
  /** At most 15 bytes; default: the kernel's choice. Needed when {@link namespace} is given. */
  readonly name?: string;
  /** Bytes. */
  readonly mtu?: number;
  readonly address?: string;
  /** Whether it comes up at once; default: no. Not with {@link namespace} for veth. */
  readonly up?: boolean;
  /** Index of the link that it is built on; needed for macvlan, ipvlan and vlan. */
  readonly parent?: number;
  /** Index of the bridge, bond or VRF that it joins. */
  readonly master?: number;
  readonly group?: number;
  readonly txQueueLength?: number;
  readonly txQueues?: number;
  readonly rxQueues?: number;
  readonly alias?: string;
  /** Where it is created; default: in the socket's namespace. {@link parent} and {@link master} count in the socket's namespace. */
  readonly namespace?: ReferencedNamespace;
  /** The index that it gets; default: the kernel's choice. */
  readonly index?: number;
}
