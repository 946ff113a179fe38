import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Mount points below a directory, the innermost first, as this process sees them. */
export function mountsBelow(directory: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => decode(line.split(' ')[4] ?? ''))
    .filter((point) => point.startsWith(`${directory}/`))
    .reverse();
}

/** Unmounts everything below a directory: what the root file systems of containers leave when their runtime was killed. */
export function unmountBelow(directory: string): void {
  for (const point of mountsBelow(directory)) execFileSync('umount', ['--lazy', point]);
}

/** The kernel writes blanks and backslashes in paths as three octal digits (proc(5)). */
function decode(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}
