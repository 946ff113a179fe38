/** One member of a tar archive. Owner, group and times are always zero, so that equal content gives equal bytes. */
export type TarEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly mode?: number }
  | { readonly kind: 'file'; readonly path: string; readonly content: Uint8Array; readonly mode?: number }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string };

const blockSize = 512;
const typeFlag = { file: '0', symlink: '2', directory: '5' } as const;
const defaultMode = { file: 0o644, directory: 0o755 } as const;

/**
 * Writes a tar archive in the ustar format (POSIX.1-1988), members in the order given.
 *
 * @throws RangeError when a path or link target is longer than the 100 bytes that the short name field holds
 */
export function tarArchive(entries: readonly TarEntry[]): Buffer {
  const blocks: Uint8Array[] = [];
  for (const entry of entries) {
    const content = entry.kind === 'file' ? entry.content : new Uint8Array(0);
    blocks.push(header(entry, content.length), content);
    const rest = content.length % blockSize;
    if (rest > 0) blocks.push(new Uint8Array(blockSize - rest));
  }
  // Two empty blocks end an archive.
  blocks.push(new Uint8Array(2 * blockSize));
  return Buffer.concat(blocks);
}

function header(entry: TarEntry, size: number): Buffer {
  const block = Buffer.alloc(blockSize);
  const text = (offset: number, length: number, value: string) => {
    if (Buffer.byteLength(value) > length) {
      throw new RangeError(`tar member ${entry.path}: '${value}' is longer than ${String(length)} bytes`);
    }
    block.write(value, offset);
  };
  const octal = (offset: number, length: number, value: number) =>
    text(offset, length, value.toString(8).padStart(length - 1, '0'));
  text(0, 100, entry.kind === 'directory' ? `${entry.path}/` : entry.path);
  octal(100, 8, entry.kind === 'symlink' ? 0o777 : (entry.mode ?? defaultMode[entry.kind]));
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, size);
  octal(136, 12, 0);
  text(156, 1, typeFlag[entry.kind]);
  if (entry.kind === 'symlink') text(157, 100, entry.target);
  text(257, 6, 'ustar\0');
  text(263, 2, '00');
  // The checksum is the sum of all header bytes with the checksum field itself read as spaces.
  block.fill(0x20, 148, 156);
  let sum = 0;
  for (const byte of block) sum += byte;
  text(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}
