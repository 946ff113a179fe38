/** One member of a cpio archive. Owner, group and times are always zero. */
export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly mode?: number }
  | {
      readonly kind: 'characterDevice';
      readonly path: string;
      readonly major: number;
      readonly minor: number;
    };

/** File types in the mode (linux/stat.h). */
const typeBits = { directory: 0o040000, file: 0o100000, characterDevice: 0o020000 } as const;

/**
 * Writes a cpio archive in the `newc` format, which the kernel takes for an initial RAM file system
 * (Documentation/driver-api/early-userspace/buffer-format.rst).
 *
 * @param entries directories before what is in them
 */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  const member = (inode: number, name: string, mode: number, content: Uint8Array, device = [0, 0]) => {
    const path = Buffer.from(`${name}\0`);
    const [major = 0, minor = 0] = device;
    // magic, ino, mode, uid, gid, nlink, mtime, filesize, maj, min, rmaj, rmin, namesize, chksum
    const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, major, minor, path.length, 0];
    const header = Buffer.from(
      `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`,
    );
    parts.push(...padded(header, path), ...padded(content));
  };
  entries.forEach((entry, index) => {
    const { kind, path } = entry;
    const content = kind === 'file' ? entry.content : new Uint8Array(0);
    const mode = kind === 'file' ? (entry.mode ?? 0o644) : kind === 'directory' ? 0o755 : 0o600;
    const device = kind === 'characterDevice' ? [entry.major, entry.minor] : undefined;
    member(index + 1, path, typeBits[kind] | mode, content, device);
  });
  member(0, 'TRAILER!!!', 0, new Uint8Array(0));
  return Buffer.concat(parts);
}

/** Header with name, and content, end at multiples of four bytes. */
function padded(...chunks: readonly Uint8Array[]): Uint8Array[] {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return [...chunks, new Uint8Array((4 - (length % 4)) % 4)];
}
