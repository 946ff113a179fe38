import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** Files are whole pages of memory, so that most changes leave their size alone. */
const pageBytes = 4096;

/**
 * Makes a file say `content`, padded with spaces to whole pages. A file that is there keeps its inode, since containers may have it
 * mounted, and never shrinks; a new one appears with its content.
 *
 * Readers of a file that is changed see one write of the whole, without a moment in which it is empty or has a rest of the old content
 * behind the new. The kernel copies it page by page while others may read: whoever reads in the same microsecond may get a mixture, which
 * reading again cures. inotify tells of one IN_MODIFY, after the write.
 *
 * @throws file system errors.
 */
export function writeMetadataFile(path: string, content: string): void {
  while (!rewrite(path, content)) {
    if (create(path, content)) return;
  }
}

/** @returns whether there was a file. */
function rewrite(path: string, content: string): boolean {
  const file = openExisting(path);
  if (file === undefined) return false;
  try {
    const present = readFileSync(file);
    const wanted = padded(content, present.length);
    if (present.equals(wanted)) return true;
    const written = writeSync(file, wanted, 0, wanted.length, 0);
    if (written < wanted.length) {
      throw new Error(`${path}: only ${written} of ${wanted.length} bytes fit onto the file system`);
    }
    return true;
  } finally {
    closeSync(file);
  }
}

function openExisting(path: string): number | undefined {
  try {
    return openSync(path, 'r+');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'EISDIR') throw error;
    // Runtimes that miss the source of a bind mount may have made a directory in its place.
    if (code === 'EISDIR') rmSync(path, { recursive: true });
    return undefined;
  }
}

/** @returns false when someone else was faster: a container may already have mounted that file. */
function create(path: string, content: string): boolean {
  return createWhole(path, padded(content, 0), 0o644);
}

/**
 * Makes a new file with all its bytes, or none at all.
 *
 * @returns whether there was none of that name before
 * @throws file system errors, ENOENT when the directory is missing.
 */
export function createWhole(path: string, bytes: Buffer, mode: number): boolean {
  const temporary = join(dirname(path), `.new-${randomBytes(6).toString('hex')}`);
  const file = openSync(temporary, 'wx', mode);
  try {
    try {
      // Whatever the umask is: containers that do not run as root read it too.
      fchmodSync(file, mode);
      writeFileSync(file, bytes);
    } finally {
      closeSync(file);
    }
    // Unlike rename, this never replaces.
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    try {
      unlinkSync(temporary);
    } catch {
      // Its directory was removed at the same time.
    }
  }
}

function padded(content: string, presentBytes: number): Buffer {
  const bytes = Buffer.from(content);
  const length = Math.max(presentBytes, Math.ceil((bytes.length + 1) / pageBytes) * pageBytes);
  const whole = Buffer.alloc(length, ' ');
  bytes.copy(whole);
  whole.write('\n', length - 1);
  return whole;
}
