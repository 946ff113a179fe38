import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** A Node.js of this machine. */
export interface InstalledNode {
  readonly path: string;
  /** As `process.version`: `v24.1.0`. */
  readonly version: string;
}

/** The Node.js that runs this, and others on PATH that are new enough for the driver. */
export function installedNodes(): readonly InstalledNode[] {
  const found = (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'node'))
    .filter((path) => existsSync(path))
    .map((path) => realpathSync(path));
  return [...new Set([realpathSync(process.execPath), ...found])]
    .map((path) => ({ path, version: execFileSync(path, ['--version'], { encoding: 'utf8' }).trim() }))
    .filter(({ version }) => {
      const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
      return major > 20 || (major === 20 && minor >= 19);
    });
}
