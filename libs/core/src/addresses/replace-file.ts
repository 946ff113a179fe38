import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';

const suffix = '.tmp';

/** Writes a file so that a reader, also after a crash, finds the old content or the new one and never a half. */
export function replaceFile(path: string, text: string): void {
  const temporary = `${path}${suffix}`;
  const file = openSync(temporary, 'w', 0o600);
  try {
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, path);
}

/** Removes what a {@link replaceFile} has left that was cut off. Repeatable. */
export function removeUnfinished(path: string): void {
  rmSync(`${path}${suffix}`, { force: true });
}

/** Whether a path is that of an unfinished file. */
export function isUnfinished(path: string): boolean {
  return path.endsWith(suffix);
}
