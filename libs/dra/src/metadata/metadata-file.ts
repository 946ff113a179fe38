import { randomBytes } from 'node:crypto';
import { link, open, rm, unlink } from 'node:fs/promises';
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
export async function writeMetadataFile(path: string, content: string): Promise<void> {
  while (!(await rewrite(path, content))) {
    if (await create(path, content)) return;
  }
}

/** @returns whether there was a file. */
async function rewrite(path: string, content: string): Promise<boolean> {
  const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'EISDIR') return error.code;
    throw error;
  });
  if (file === 'ENOENT') return false;
  if (file === 'EISDIR') {
    // Runtimes that miss the source of a bind mount may have made a directory in its place.
    await rm(path, { recursive: true });
    return false;
  }
  try {
    const present = await file.readFile();
    const wanted = padded(content, present.length);
    if (present.equals(wanted)) return true;
    const { bytesWritten } = await file.write(wanted, 0, wanted.length, 0);
    if (bytesWritten < wanted.length) {
      throw new Error(`${path}: only ${bytesWritten} of ${wanted.length} bytes fit onto the file system`);
    }
    return true;
  } finally {
    await file.close();
  }
}

/** @returns false when someone else was faster: a container may already have mounted that file. */
async function create(path: string, content: string): Promise<boolean> {
  return createWhole(path, padded(content, 0), 0o644);
}

/**
 * Makes a new file with all its bytes, or none at all.
 *
 * @returns whether there was none of that name before
 * @throws file system errors, ENOENT when the directory is missing.
 */
export async function createWhole(path: string, bytes: Buffer, mode: number): Promise<boolean> {
  const temporary = join(dirname(path), `.new-${randomBytes(6).toString('hex')}`);
  const file = await open(temporary, 'wx', mode);
  try {
    try {
      // Whatever the umask is: containers that do not run as root read it too.
      await file.chmod(mode);
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
    // Unlike rename, this never replaces.
    await link(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(temporary).catch(() => undefined);
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
