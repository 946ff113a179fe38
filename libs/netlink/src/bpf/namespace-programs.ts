import { closeSync } from 'node:fs';
import type { NetworkNamespace } from '../namespace/network-namespace.ts';
import { foreignLibraries } from '../system/foreign-libraries.ts';
import { SystemCallError } from '../system/system-error.ts';
import { bpf, bpfCommands } from './bpf-syscall.ts';

/** An eBPF program that sees a link's packets by TCX, the successor of programs in filters of traffic control. */
export interface TcxProgram {
  readonly direction: TcxDirection;
  /** The kernel's number of the program. */
  readonly programId: number;
  /** The kernel's number of the `bpf_link` that holds it there for its owner; absent when it was attached without one. */
  readonly bpfLinkId?: number;
}

/** Whether a program sees packets that come in or that go out. */
export type TcxDirection = keyof typeof attachTypes;

/** `BPF_TCX_INGRESS` and `BPF_TCX_EGRESS` (`enum bpf_attach_type`, linux/bpf.h). */
const attachTypes = { ingress: 46, egress: 47 } as const;
/** `BPF_MPROG_MAX`: as many programs as one direction of a link can have. */
const mostPrograms = 64;

/** Lists and detaches the eBPF programs on links of one namespace. Which link an index means depends on the namespace of the calling thread. */
export class NamespacePrograms {
  readonly #namespace: Pick<NetworkNamespace, 'run'>;

  /** @param namespace stays the caller's to close */
  constructor(namespace: Pick<NetworkNamespace, 'run'>) {
    this.#namespace = namespace;
  }

  /**
   * The TCX programs of a link in the order in which they run, those for incoming packets first; none before Linux 6.6, which has no TCX.
   *
   * @throws SystemCallError with code ENODEV when there is no such link, EPERM without CAP_BPF and CAP_NET_ADMIN
   */
  tcxPrograms(linkIndex: number): TcxProgram[] {
    return this.#namespace.run(() => [...query(linkIndex, 'ingress'), ...query(linkIndex, 'egress')]);
  }

  /**
   * Takes a program from a link. Its owner keeps the program, and a `bpf_link` that does nothing any more. Succeeds when it is gone.
   *
   * @throws SystemCallError
   */
  detachTcx(linkIndex: number, { direction, programId, bpfLinkId }: TcxProgram): void {
    this.#namespace.run(() => {
      try {
        if (bpfLinkId === undefined) detachProgram(linkIndex, direction, programId);
        else detachLink(bpfLinkId);
      } catch (error) {
        if (!(error instanceof SystemCallError && error.code === 'ENOENT')) throw error;
      }
    });
  }
}

function query(linkIndex: number, direction: TcxDirection): TcxProgram[] {
  const programIds = Buffer.alloc(4 * mostPrograms);
  const linkIds = Buffer.alloc(4 * mostPrograms);
  const libraries = foreignLibraries();
  // struct { target_ifindex, attach_type, query_flags, attach_flags, prog_ids, count, prog_attach_flags, link_ids, link_attach_flags, revision }
  const attributes = Buffer.alloc(64);
  attributes.writeUInt32LE(linkIndex, 0);
  attributes.writeUInt32LE(attachTypes[direction], 4);
  attributes.writeBigUInt64LE(libraries.addressOf(programIds), 16);
  attributes.writeUInt32LE(mostPrograms, 24);
  attributes.writeBigUInt64LE(libraries.addressOf(linkIds), 40);
  try {
    bpf(`listing TCX programs of link ${linkIndex}`, bpfCommands.programQuery, attributes);
  } catch (error) {
    const isAbsent = error instanceof SystemCallError && (error.code === 'ENOENT' || error.code === 'EINVAL');
    if (isAbsent) return [];
    throw error;
  }
  return Array.from({ length: attributes.readUInt32LE(24) }, (_, index) => {
    const bpfLinkId = linkIds.readUInt32LE(4 * index);
    return {
      direction,
      programId: programIds.readUInt32LE(4 * index),
      ...(bpfLinkId === 0 ? {} : { bpfLinkId }),
    };
  });
}

function detachProgram(linkIndex: number, direction: TcxDirection, programId: number): void {
  const fd = openById(`opening eBPF program ${programId}`, bpfCommands.programById, programId);
  try {
    const attributes = Buffer.alloc(12);
    attributes.writeUInt32LE(linkIndex, 0);
    attributes.writeInt32LE(fd, 4);
    attributes.writeUInt32LE(attachTypes[direction], 8);
    bpf(`detaching eBPF program ${programId} from link ${linkIndex}`, bpfCommands.programDetach, attributes);
  } finally {
    closeSync(fd);
  }
}

function detachLink(bpfLinkId: number): void {
  const fd = openById(`opening bpf_link ${bpfLinkId}`, bpfCommands.linkById, bpfLinkId);
  try {
    const attributes = Buffer.alloc(4);
    attributes.writeInt32LE(fd, 0);
    bpf(`detaching bpf_link ${bpfLinkId}`, bpfCommands.linkDetach, attributes);
  } finally {
    closeSync(fd);
  }
}

function openById(operation: string, command: number, id: number): number {
  const attributes = Buffer.alloc(12);
  attributes.writeUInt32LE(id, 0);
  return bpf(operation, command, attributes);
}
